import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";

/** The rows that every source has: numbers, texts, truth values, a day and a key. */
export const ROWS = 3000;

/** SELECT of the rows `from` to `to`, in an order that is not the key's. */
export const rowsSql = (from = 0, to = ROWS) => `
  SELECT
    (i * 7919) % ${ROWS} AS id,
    sin(i) * 1000 AS x,
    CAST(cos(i) AS DECIMAL(12, 6)) AS share,
    'city ' || (i * i % 11) AS city,
    (i % 3 = 0) AS ok,
    DATE '2026-01-01' + CAST(i % 90 AS INTEGER) AS day
  FROM range(${from}, ${to}) t(i)`;

export const COLUMNS = ["x", "share", "city", "ok"] as const;

/** Writes the rows as files: all.csv, all.jsonl, all.parquet, and in parts in folders of these names. */
export async function writeRows(folder: string): Promise<void> {
  const connection = await (await DuckDBInstance.create()).connect();
  for (const [extension, options] of [
    ["csv", "FORMAT csv, HEADER"],
    ["jsonl", "FORMAT json"],
    ["parquet", "FORMAT parquet"],
  ] as const) {
    await mkdir(join(folder, extension), { recursive: true });
    const write = (sql: string, name: string) =>
      connection.run(`COPY (${sql}) TO '${join(folder, name)}' (${options})`);
    await write(rowsSql(), `all.${extension}`);
    for (const part of [0, 1, 2]) {
      await write(rowsSql(part * 1000, (part + 1) * 1000), `${extension}/part-${part}.${extension}`);
    }
  }
  connection.disconnectSync();
}

/** Statements that create the table `clicks` of the rows. @param types of double, decimal and truth value */
export async function insertStatements(
  table: string,
  [number, decimal, truth]: readonly [string, string, string],
): Promise<string> {
  const connection = await (await DuckDBInstance.create()).connect();
  const rows = (await connection.runAndReadAll(rowsSql())).getRowsJson();
  connection.disconnectSync();
  const values = rows.map((row) => {
    const [id = "", x = "", share = "", city = "", ok = "", day = ""] = row.map(String);
    return `(${id}, ${x}, ${share}, '${city}', ${ok.toUpperCase()}, '${day}')`;
  });
  return `CREATE TABLE ${table} (id INTEGER, x ${number}, share ${decimal}, city VARCHAR(20), ok ${truth}, day DATE); INSERT INTO ${table} VALUES ${values.join(", ")};`;
}
