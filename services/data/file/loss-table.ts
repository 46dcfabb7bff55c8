import { DuckDBDoubleVector, type DuckDBVector } from "@duckdb/node-api";
import { UncoupleError } from "../../common/errors.ts";
import { chooseColumns } from "../table/column-choice.ts";
import type { CategoricalColumn } from "../table/table.ts";
import { createLabelBuilder } from "./column-builder.ts";
import { openCsv, rejectedLines } from "./csv.ts";
import { chunksOf, type Database, openDatabase } from "./database.ts";
import { detectFormat, explained } from "./file-format.ts";
import { openJsonLines } from "./json-lines.ts";
import { parquetRelation, type Relation, textRelation } from "./relation.ts";
import { identifier, literal } from "./sql.ts";

/** Numbers in double precision, and texts, of the rows of a file. */
export interface LossTable {
  readonly rows: number;
  readonly numbers: Readonly<Record<string, Float64Array>>;
  readonly texts: Readonly<Record<string, CategoricalColumn>>;
}

export interface LossColumns {
  /** Columns of finite numbers. */
  readonly numbers: readonly string[];
  /** Columns whose values are compared as text. */
  readonly texts: readonly string[];
}

const MAX_EXAMPLES = 3;

/**
 * Reads columns of every row of a CSV, JSON lines or Parquet file. Unlike a pipeline's data, no row is left out: comparing row by row
 * needs them all.
 *
 * @param path absolute
 * @throws UncoupleError `not-found` (no such file), `invalid-argument` (an unreadable file, an unknown column, a row with a
 *   missing value or without a finite number, a column that is both)
 */
export async function readLossTable(path: string, columns: LossColumns): Promise<LossTable> {
  const both = columns.texts.find((name) => columns.numbers.includes(name));
  if (both !== undefined) {
    throw new UncoupleError("invalid-argument", `column "${both}" is a loss, so it cannot group or slice the rows`);
  }
  const format = await detectFormat(path, "");
  const database = await openDatabase({ paths: [path] });
  try {
    const relation =
      format === "parquet"
        ? await parquetRelation(database, [path])
        : await textRelation(
            database,
            format === "csv" ? await openCsv(database, [path], path, "") : await openJsonLines(database, [path], path),
            [path],
          );
    return await readRows(database, relation, path, columns);
  } catch (error) {
    throw await explained(path, error);
  } finally {
    await database.close();
  }
}

async function readRows(
  database: Database,
  relation: Relation,
  path: string,
  { numbers, texts }: LossColumns,
): Promise<LossTable> {
  const schema = relation.columns.map(({ name }) => ({ name, kind: "categorical" as const, width: 1 }));
  const names = chooseColumns(schema, [...numbers, ...texts]).map(({ name }) => name);
  const isNumber = (name: string) => numbers.includes(name);
  const values = names.map((name) =>
    isNumber(name) ? `TRY_CAST(${identifier(name)} AS DOUBLE)` : `CAST(${identifier(name)} AS VARCHAR)`,
  );
  const problems = names.map(
    (name, i) =>
      `WHEN ${identifier(name)} IS NULL THEN ${literal(`column ${name}: missing`)} ${
        isNumber(name)
          ? `WHEN NOT COALESCE(isfinite(${values[i]}), false) THEN ${literal(`column ${name}: not a finite number`)} || ' ("' || left(CAST(${identifier(name)} AS VARCHAR), 40) || '")'`
          : ""
      }`,
  );
  const sql = `SELECT CASE ${problems.join(" ")} END, ${values.join(", ")} FROM ${relation.sql}`;
  return database.withConnection(async (connection) => {
    const builders = names.map((name) => (isNumber(name) ? doubleBuilder() : createLabelBuilder()));
    const bad: string[] = [];
    let rows = 0;
    for await (const chunk of chunksOf(connection, sql)) {
      const found = chunk.getColumnVector(0);
      const good: number[] = [];
      for (let i = 0; i < chunk.rowCount; i += 1) {
        const problem = found.getItem(i);
        if (problem === null) good.push(i);
        else if (bad.length < MAX_EXAMPLES) bad.push(`row ${rows + i + 1}: ${String(problem)}`);
      }
      for (const [c, builder] of builders.entries()) builder.append(chunk.getColumnVector(c + 1), good);
      rows += chunk.rowCount;
    }
    for (const { line, message } of await rejectedLines(connection)) {
      if (bad.length < MAX_EXAMPLES) bad.push(`line ${line}: ${message}`);
    }
    if (bad.length > 0) throw new UncoupleError("invalid-argument", `${path}: ${bad.join("; ")}`);
    if (rows === 0) throw new UncoupleError("invalid-argument", `${path} has no rows`);
    const finished = names.map((name, c) => [name, (builders[c] as (typeof builders)[number]).take()] as const);
    return {
      rows,
      numbers: Object.fromEntries(
        finished.flatMap(([name, column]) => (column instanceof Float64Array ? [[name, column]] : [])),
      ),
      texts: Object.fromEntries(
        finished.flatMap(([name, column]) => (column instanceof Float64Array ? [] : [[name, column]])),
      ),
    };
  });
}

function doubleBuilder() {
  let values = new Float64Array(2048);
  let length = 0;
  return {
    append(vector: DuckDBVector, rows: readonly number[]): void {
      if (!(vector instanceof DuckDBDoubleVector)) {
        throw new UncoupleError("internal", `cannot read a column of DuckDB type ${vector.type.toString()}`);
      }
      if (length + rows.length > values.length) {
        const larger = new Float64Array(Math.max(length + rows.length, 2 * values.length));
        larger.set(values);
        values = larger;
      }
      for (const row of rows) {
        values[length] = vector.getItem(row) as number;
        length += 1;
      }
    },
    take: () => values.slice(0, length),
  };
}
