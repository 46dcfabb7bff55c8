import type { DuckDBConnection } from "@duckdb/node-api";
import { UncoupleError } from "../../common/errors.ts";
import { availableNames, didYouMean } from "../../common/suggest.ts";
import type { StoredSource } from "../../pipeline/pipeline.ts";
import type { DataAccess } from "../source/data-access.ts";
import type { DataSource, HeldOutRows, Rows, TrainingRowOptions } from "../source/data-source.ts";
import { removeSpill, type SpillSpace } from "../spill/spill-folder.ts";
import { isSpilled, type StoredTable } from "../spill/stored-table.ts";
import { chooseColumns } from "../table/column-choice.ts";
import type { ColumnSchema } from "../table/table.ts";
import { createLabelBuilder, type LabelBuilder } from "./column-builder.ts";
import { rejectedLines } from "./csv.ts";
import { chunksOf } from "./database.ts";
import { drawSample, type RowIdentity } from "./draw-sample.ts";
import { type Origin, openOrigin } from "./origin.ts";
import { repeatReads } from "./outage.ts";
import { canBeKey, isReadable, type Relation } from "./relation.ts";
import { type RowChoice, type RowQuery, type RowSplit, rowSql } from "./row-query.ts";
import { createTableBuilder } from "./table-builder.ts";
import { canBeTime, isoTime, timeBounds } from "./time.ts";

const MAX_EXAMPLES = 5;
/** What is missing where the trials of a search have no rows. */
const NO_ROWS: Readonly<Record<string, string>> = {
  fit: "no training rows left to train trials on; lower `validation` in the search",
  validation: "no training rows to measure trials on; raise `validation` in the search",
};

/**
 * Opens stored rows through DuckDB, which streams them and spills to disk, so that only the requested columns and rows are in
 * memory.
 * @param baseDir the folder that a relative path is relative to
 * @param access what other machines are read with; without it, only local files are
 * @param memoryBytes as for `openDatabase`
 * @throws UncoupleError as `openOrigin`; `invalid-argument` for an unusable key
 */
export async function openFileSource(
  spec: StoredSource,
  baseDir: string,
  access?: DataAccess,
  memoryBytes?: number,
): Promise<DataSource> {
  const origin = await openOrigin(spec, baseDir, access, memoryBytes);
  try {
    checkRelation(spec, origin);
  } catch (error) {
    await origin.database.close();
    throw error;
  }
  const source = createFileSource(spec, origin);
  return origin.remote || origin.version !== undefined ? repeatReads(source, origin, access) : source;
}

function checkRelation(spec: StoredSource, { relation, growing }: Origin): void {
  checkTimeColumn(spec, relation);
  const keys = [...(spec.group ?? []).map((key) => ({ key, setting: "data.group" }))];
  if (spec.key !== undefined) keys.push({ key: spec.key, setting: "data.key" });
  if (keys.length === 0) {
    if (relation.reordering !== undefined) {
      throw new UncoupleError(
        "invalid-argument",
        `data.query: the query ${relation.reordering}, so row numbers cannot determine the held-out rows; set data.key to a column that identifies rows`,
      );
    }
    if (growing === undefined || spec.time !== undefined) return;
    throw new UncoupleError(
      "invalid-argument",
      `data.path: ${growing} can grow, so row numbers cannot ${spec.heldOut === undefined ? "determine the held-out rows" : "identify rows"}; set data.key to a column that identifies rows`,
    );
  }
  for (const { key, setting } of keys) {
    const column = requireColumn(relation, key, setting);
    if (!canBeKey(column.type)) {
      throw new UncoupleError(
        "invalid-argument",
        `${setting}: "${key}" has type ${column.type}; a ${setting === "data.key" ? "key" : "group"} must be an integer, a string or a date`,
      );
    }
  }
}

/** @throws UncoupleError `invalid-argument` if the file has no such column */
function requireColumn({ columns }: Relation, wanted: string, setting: string): Relation["columns"][number] {
  const column = columns.find(({ name }) => name === wanted);
  if (column !== undefined) return column;
  const names = columns.map(({ name }) => name);
  throw new UncoupleError(
    "invalid-argument",
    `${setting}: unknown column "${wanted}"; available: ${availableNames(names)}${didYouMean(wanted, names)}`,
  );
}

function checkTimeColumn({ time }: StoredSource, relation: Relation): void {
  if (time === undefined) return;
  const { type } = requireColumn(relation, time.column, "split.column");
  if (canBeTime(type)) return;
  throw new UncoupleError(
    "invalid-argument",
    `split.column: "${time.column}" has type ${type}; it must be a time in ISO 8601, a date, or seconds since 1970`,
  );
}

function createFileSource(spec: StoredSource, origin: Origin): DataSource {
  const { name: path, database, relation } = origin;
  const schema = relation.columns.flatMap((column) => (column.schema === undefined ? [] : [column.schema]));
  const unreadable = new Map(
    relation.columns.flatMap(({ name, type, schema: readable }) =>
      readable === undefined ? [[name, whyUnreadable(name, type, origin.sql)] as const] : [],
    ),
  );
  const numbered = relation.reordering === undefined && origin.growing === undefined;
  const identity: RowIdentity = spec.key === undefined ? (numbered ? "row-number" : "values") : { key: spec.key };
  /** Looked up for every read: the file may have grown. */
  const splitOf = async (heldOutAfter: string | undefined): Promise<RowSplit> => {
    const { time, heldOut } = spec;
    if (heldOut !== undefined) return { by: "source", side: heldOut === "all" ? "held-out" : "training" };
    if (time === undefined) return { by: "hash", testFraction: spec.testFraction };
    const latest = heldOutAfter === undefined ? undefined : Date.parse(heldOutAfter) / 1000;
    const bounds = await timeBounds(database, relation, time, latest);
    return { by: "time", column: time.column, type: typeOf(relation, time.column), ...bounds };
  };
  const read = async (
    names: readonly string[],
    choice: RowChoice,
    { limit = Number.POSITIVE_INFINITY, labels = [], heldOutAfter, part, sample, space, check }: ReadOptions = {},
  ): Promise<HeldOutRows<StoredTable>> => {
    const wrong = names.find((name) => unreadable.has(name));
    if (wrong !== undefined) {
      throw new UncoupleError("invalid-argument", `column "${wrong}" ${unreadable.get(wrong)}`);
    }
    const chosen = chooseColumns(schema, names);
    const unknown = labels.find((label) => relation.columns.every(({ name }) => name !== label));
    if (unknown !== undefined) throw new UncoupleError("invalid-argument", `unknown column "${unknown}"`);
    try {
      await relation.checkFile?.();
      const split = await splitOf(heldOutAfter);
      const query: RowQuery = {
        relation: relation.sql,
        columns: chosen.map((column) => ({ ...column, type: typeOf(relation, column.name) })),
        labels,
        // By hash, groups stay whole: the first level of groups decides where a row goes.
        key: spec.group?.[0] ?? spec.key,
        hidden: spec.exposeKeys === true ? [] : [...(spec.group ?? []), ...(spec.key === undefined ? [] : [spec.key])],
        split,
        choice,
        part,
        sorted: relation.reordering !== undefined,
      };
      // Like a row without a key, a malformed line counts as a bad training row.
      const countRejected = choice.side === "training" || split.by === "source";
      const rows = await database.withConnection(async (connection) => {
        const readAll = (sql: string) =>
          check === true
            ? readRows(connection, `SELECT r, bad FROM (${sql})`, [], [], limit, countRejected, undefined)
            : readRows(connection, sql, chosen, labels, limit, countRejected, space);
        if (sample === undefined) return readAll(rowSql(query));
        const { sql, drawn, good } = await drawSample(
          connection,
          query,
          sample,
          identity,
          space && 2 * space.tableBytes,
        );
        const { bad, ...sampled } = await readAll(sql);
        return { ...sampled, bad: { ...bad, total: good + bad.bad }, sample: drawn };
      });
      if (split.by !== "time") return rows;
      const boundary = choice.side === "held-out" ? split.heldOutAfter : split.trainUntil;
      return { ...rows, boundary: isoTime(boundary) };
    } catch (error) {
      throw await origin.explain(error);
    }
  };
  const checked = async <R extends Rows<StoredTable>>(rows: R, side: string): Promise<R> => {
    try {
      check(rows, side);
      return rows;
    } catch (thrown) {
      if (isSpilled(rows.table)) await removeSpill(rows.table.folder);
      throw thrown;
    }
  };
  const check = (rows: Rows<StoredTable>, side: string): void => {
    const { total, bad, examples } = rows.bad;
    if (bad > spec.maxBadFraction * total) {
      const share = `${bad} of ${total} ${side} rows (${percent(bad / total)}) are bad`;
      const limit = `more than max_bad_fraction (${spec.maxBadFraction}) allows`;
      throw new UncoupleError(
        "failed-precondition",
        `${path}: ${share}, ${limit}: ${examples.join("; ")}${bad > examples.length ? "; ..." : ""}`,
      );
    }
    if (rows.table.rows === 0) {
      throw new UncoupleError("failed-precondition", `${path} has ${NO_ROWS[side] ?? `no ${side} rows`}`);
    }
  };
  return {
    schema: async () => schema,
    unreadable: () => unreadable,
    trainingRows: async (columns, options) =>
      inMemory(await checked(await read(columns, { side: "training" }, options), options?.part?.side ?? "training")),
    storedTrainingRows: async (columns, space, options) =>
      checked(await read(columns, { side: "training" }, { ...options, space }), options?.part?.side ?? "training"),
    checkTrainingRows: async (columns, options) =>
      inMemory(await checked(await read(columns, { side: "training" }, { ...options, check: true }), "training")),
    ...(origin.stamp !== undefined && { version: origin.stamp }),
    heldOutRows: async (columns, labels) =>
      inMemory(await checked(await read(columns, { side: "held-out" }, { labels }), "held-out")),
    storedHeldOutRows: async (columns, labels, space) =>
      checked(await read(columns, { side: "held-out" }, { labels, space }), "held-out"),
    auditRows: async (columns, annotated, rows, options) => {
      const sample = inMemory(await read([...columns, ...annotated], { side: "audit", rows }, options));
      if (sample.table.rows === rows || (options?.part !== undefined && sample.table.rows > 0)) return sample;
      throw new UncoupleError(
        "failed-precondition",
        `${path}: ${rows} audited rows requested, but only ${sample.table.rows} training rows have values in all of ${annotated.join(", ")}`,
      );
    },
    sampleRows: async (columns, labels, rows, options) =>
      inMemory(
        await checked(
          await read(columns, { side: "audit", rows }, { ...options, labels }),
          spec.heldOut === "all" ? "held-out" : "training",
        ),
      ),
    oracle: () => undefined,
    close: () => database.close(),
  };
}

interface ReadOptions extends TrainingRowOptions {
  /** As in `DataSource.heldOutRows`. */
  readonly labels?: readonly string[] | undefined;
  /** Where rows go that exceed their share of memory; default: all stay in memory. */
  readonly space?: SpillSpace | undefined;
  /** As in `DataSource.checkTrainingRows`. */
  readonly check?: boolean;
}

/** Rows that were read without a space to spill to. */
function inMemory(rows: HeldOutRows<StoredTable>): HeldOutRows {
  return rows as HeldOutRows;
}

/** Seconds since 1970 of a time, in the SQL of `data.query`. */
const SECONDS: Readonly<Record<Origin["sql"], (name: string) => string>> = {
  duckdb: (name) => `epoch("${name}")`,
  postgres: (name) => `extract(epoch from "${name}")`,
  mysql: (name) => `unix_timestamp(\`${name}\`)`,
  sqlite: (name) => `unixepoch("${name}")`,
};

function whyUnreadable(name: string, type: string, sql: Origin["sql"]): string {
  const what = isReadable(type) ? "has no values, or lists of lists" : `has the unsupported type ${type}`;
  const example = /^(DATE|TIMESTAMP)/.test(type) ? `, for example with ${SECONDS[sql](name)}` : "";
  return `${what}; convert it in data.query to a number, boolean, string or list of numbers${example}`;
}

function typeOf(relation: Relation, name: string): string {
  return relation.columns.find((column) => column.name === name)?.type ?? "";
}

async function readRows(
  connection: DuckDBConnection,
  sql: string,
  columns: readonly ColumnSchema[],
  labels: readonly string[],
  limit: number,
  countRejected: boolean,
  space: SpillSpace | undefined,
): Promise<HeldOutRows<StoredTable>> {
  const table = createTableBuilder(columns, space);
  const labelBuilders = labels.map(createLabelBuilder);
  const examples: string[] = [];
  let bad = 0;
  try {
    for await (const chunk of chunksOf(connection, sql)) {
      const numbers = chunk.getColumnVector(0);
      const problems = chunk.getColumnVector(1);
      const good: number[] = [];
      for (let i = 0; i < chunk.rowCount && table.rows() + good.length < limit; i += 1) {
        const problem = problems.getItem(i);
        if (problem === null) {
          good.push(i);
        } else {
          bad += 1;
          if (examples.length < MAX_EXAMPLES) examples.push(`row ${String(numbers.getItem(i))}: ${String(problem)}`);
        }
      }
      await table.append((column) => chunk.getColumnVector(2 + column), good);
      labelBuilders.forEach((builder, c) => {
        builder.append(chunk.getColumnVector(2 + columns.length + c), good);
      });
      if (table.rows() >= limit) break;
    }
    const rejected = countRejected && table.rows() < limit ? await rejectedLines(connection) : [];
    for (const { line, message } of rejected.slice(0, MAX_EXAMPLES - examples.length)) {
      examples.push(`line ${line}: ${message}`);
    }
    bad += rejected.length;
    const labeled = Object.fromEntries(labels.map((name, c) => [name, (labelBuilders[c] as LabelBuilder).take()]));
    const total = table.rows() + bad;
    return { ...(await table.finish()), labels: labeled, bad: { total, bad, examples } };
  } catch (thrown) {
    await table.abandon();
    throw thrown;
  }
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(fraction < 0.1 ? 1 : 0)} %`;
}
