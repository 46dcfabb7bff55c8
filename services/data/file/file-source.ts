import { open, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { UncoupleError } from "../../common/errors.ts";
import { didYouMean } from "../../common/suggest.ts";
import type { FileSource } from "../../pipeline/pipeline.ts";
import type { DataSource, Rows } from "../source/data-source.ts";
import { chooseColumns } from "../table/column-choice.ts";
import { fingerprintTable } from "../table/fingerprint.ts";
import type { Column, ColumnSchema } from "../table/table.ts";
import { createColumnBuilder } from "./column-builder.ts";
import { openCsv, rejectedLines } from "./csv.ts";
import { type Database, dataError, openDatabase } from "./database.ts";
import { canBeKey, csvRelation, parquetRelation, queryRelation, type Relation } from "./relation.ts";
import { type RowChoice, rowSql } from "./row-query.ts";
import { firstLineNotUtf8 } from "./utf8.ts";

const MAX_EXAMPLES = 5;
/** First bytes of gzip and Zstandard files, which DuckDB decompresses. */
const COMPRESSED = [Buffer.from([0x1f, 0x8b]), Buffer.from([0x28, 0xb5, 0x2f, 0xfd])];

/**
 * Opens a CSV or Parquet file through DuckDB, which streams the file and spills to disk, so that only the requested
 * columns and rows are in memory.
 * @param baseDir the folder that a relative path is relative to
 * @throws UncoupleError `not-found` (no such file), `invalid-argument` (a folder, an empty or unreadable file, a query
 *   that is not a SELECT or does not match the file, an unusable key)
 */
export async function openFileSource(spec: FileSource, baseDir: string): Promise<DataSource> {
  const path = resolve(baseDir, spec.path);
  const format = await detectFormat(path);
  const database = await openDatabase(path);
  try {
    return createFileSource(spec, path, database, await openRelation(spec, path, format, database));
  } catch (error) {
    await database.close();
    throw await explained(path, error);
  }
}

async function openRelation(
  spec: FileSource,
  path: string,
  format: "csv" | "parquet",
  database: Database,
): Promise<Relation> {
  let relation: Relation;
  if (format === "parquet") {
    relation = await parquetRelation(database, path);
    if (spec.query !== undefined) relation = await queryRelation(database, spec.query, relation.sql);
  } else {
    const csv = await openCsv(database, path, path);
    relation = csvRelation(csv);
    if (spec.query !== undefined) {
      relation = { ...(await queryRelation(database, spec.query, csv.typedSql)), checkFile: csv.checkColumns };
    }
  }
  const { key } = spec;
  if (key === undefined) {
    if (relation.reordering === undefined) return relation;
    throw new UncoupleError(
      "invalid-argument",
      `data.query: the query ${relation.reordering}, so row numbers cannot determine the held-out rows; set data.key to a column that identifies rows`,
    );
  }
  const column = relation.columns.find(({ name }) => name === key);
  const names = relation.columns.map(({ name }) => name);
  if (column === undefined) {
    throw new UncoupleError(
      "invalid-argument",
      `data.key: unknown column "${key}"; available: ${names.join(", ")}${didYouMean(key, names)}`,
    );
  }
  if (!canBeKey(column.type)) {
    throw new UncoupleError(
      "invalid-argument",
      `data.key: "${key}" has type ${column.type}; a key must be an integer, a string or a date`,
    );
  }
  return relation;
}

function createFileSource(spec: FileSource, path: string, database: Database, relation: Relation): DataSource {
  const schema = relation.columns.flatMap((column) => (column.schema === undefined ? [] : [column.schema]));
  const unreadable = new Map(
    relation.columns.flatMap(({ name, type, schema: readable }) =>
      readable === undefined ? [[name, whyUnreadable(name, type)] as const] : [],
    ),
  );
  const read = async (names: readonly string[], choice: RowChoice, limit = Number.POSITIVE_INFINITY): Promise<Rows> => {
    const wrong = names.find((name) => unreadable.has(name));
    if (wrong !== undefined) {
      throw new UncoupleError("invalid-argument", `column "${wrong}" ${unreadable.get(wrong)}`);
    }
    const chosen = chooseColumns(schema, names);
    const sql = rowSql({
      relation: relation.sql,
      columns: chosen.map((column) => ({ ...column, type: typeOf(relation, column.name) })),
      key: spec.key,
      testFraction: spec.testFraction,
      choice,
      sorted: relation.reordering !== undefined,
    });
    try {
      await relation.checkFile?.();
      // Like a row without a key, a malformed line counts as a bad training row.
      const countRejected = choice.side === "training";
      return await database.withConnection((connection) => readRows(connection, sql, chosen, limit, countRejected));
    } catch (error) {
      throw await explained(path, error);
    }
  };
  const checked = (rows: Rows, side: string): Rows => {
    const { total, bad, examples } = rows.bad;
    if (bad > spec.maxBadFraction * total) {
      const share = `${bad} of ${total} ${side} rows (${percent(bad / total)}) are bad`;
      const limit = `more than max_bad_fraction (${spec.maxBadFraction}) allows`;
      throw new UncoupleError(
        "failed-precondition",
        `${path}: ${share}, ${limit}: ${examples.join("; ")}${bad > examples.length ? "; ..." : ""}`,
      );
    }
    if (rows.table.rows > 0) return rows;
    throw new UncoupleError("failed-precondition", `${path} has no ${side} rows`);
  };
  return {
    schema: async () => schema,
    unreadable: () => unreadable,
    trainingRows: async (columns, limit) => checked(await read(columns, { side: "training" }, limit), "training"),
    heldOutRows: async (columns) => checked(await read(columns, { side: "held-out" }), "held-out"),
    auditRows: async (columns, annotated, rows) => {
      const sample = await read([...columns, ...annotated], { side: "audit", rows });
      if (sample.table.rows === rows) return sample;
      throw new UncoupleError(
        "failed-precondition",
        `${path}: ${rows} audited rows requested, but only ${sample.table.rows} training rows have values in all of ${annotated.join(", ")}`,
      );
    },
    oracle: () => undefined,
    close: () => database.close(),
  };
}

function whyUnreadable(name: string, type: string): string {
  return `has the unsupported type ${type}; convert it in data.query to a number, boolean, string or list of numbers, for example with epoch("${name}")`;
}

function typeOf(relation: Relation, name: string): string {
  return relation.columns.find((column) => column.name === name)?.type ?? "";
}

async function readRows(
  connection: DuckDBConnection,
  sql: string,
  columns: readonly ColumnSchema[],
  limit: number,
  countRejected: boolean,
): Promise<Rows> {
  const result = await connection.stream(sql);
  const builders = columns.map(createColumnBuilder);
  const examples: string[] = [];
  let rows = 0;
  let bad = 0;
  while (rows < limit) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    const numbers = chunk.getColumnVector(0);
    const problems = chunk.getColumnVector(1);
    const good: number[] = [];
    for (let i = 0; i < chunk.rowCount && rows + good.length < limit; i += 1) {
      const problem = problems.getItem(i);
      if (problem === null) {
        good.push(i);
      } else {
        bad += 1;
        if (examples.length < MAX_EXAMPLES) examples.push(`row ${String(numbers.getItem(i))}: ${String(problem)}`);
      }
    }
    builders.forEach((builder, c) => {
      builder.append(chunk.getColumnVector(2 + c), good);
    });
    rows += good.length;
  }
  const rejected = countRejected && rows < limit ? await rejectedLines(connection) : [];
  for (const { line, message } of rejected.slice(0, MAX_EXAMPLES - examples.length)) {
    examples.push(`line ${line}: ${message}`);
  }
  bad += rejected.length;
  const held: Record<string, Column> = {};
  columns.forEach(({ name }, c) => {
    held[name] = (builders[c] as (typeof builders)[number]).finish();
  });
  const table = { rows, columns: held };
  return { table, bad: { total: rows + bad, bad, examples }, fingerprint: fingerprintTable(table) };
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(fraction < 0.1 ? 1 : 0)} %`;
}

/** Explains the internal error that DuckDB 1.5 can raise on a CSV file that is not UTF-8. */
async function explained(path: string, error: unknown): Promise<UncoupleError> {
  if (error instanceof UncoupleError) return error;
  const text = error instanceof Error ? error.message : "";
  const line = /INTERNAL|unicode/i.test(text) ? await firstLineNotUtf8(path) : undefined;
  if (line === undefined) return dataError(path, error);
  const what = `line ${line} is not valid UTF-8; save the file as UTF-8`;
  return new UncoupleError("invalid-argument", `${path}: ${what}`, { cause: error });
}

/** Detects the format by the first bytes, not by the file name. */
async function detectFormat(path: string): Promise<"csv" | "parquet"> {
  const found = await stat(path).catch((error: unknown) => {
    throw new UncoupleError("not-found", `data.path: file not found or not readable: ${path}`, { cause: error });
  });
  if (!found.isFile()) {
    const what = found.isDirectory() ? "a folder" : "not a regular file";
    throw new UncoupleError("invalid-argument", `data.path: ${path} is ${what}; must be a CSV or Parquet file`);
  }
  if (found.size === 0) throw new UncoupleError("invalid-argument", `data.path: ${path} is empty`);
  const handle = await open(path).catch((error: unknown) => {
    throw new UncoupleError("invalid-argument", `data.path: cannot open ${path}`, { cause: error });
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    const head = buffer.subarray(0, bytesRead);
    if (head.subarray(0, 4).toString("latin1") === "PAR1") return "parquet";
    const name = basename(path);
    if (/\.(parquet|pq)$/i.test(name)) {
      throw new UncoupleError("invalid-argument", `data.path: ${path} is not a valid Parquet file`);
    }
    const compressed = COMPRESSED.some((magic) => head.subarray(0, magic.length).equals(magic));
    if (!compressed && head.includes(0)) {
      throw new UncoupleError(
        "invalid-argument",
        `data.path: ${path} is a binary file, but not Parquet; export the table as Parquet or as CSV in UTF-8`,
      );
    }
    return "csv";
  } finally {
    await handle.close();
  }
}
