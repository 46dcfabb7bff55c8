import {
  ARRAY,
  arrayValue,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBType,
  type DuckDBValue,
  FLOAT,
} from "@duckdb/node-api";
import { UncoupleError } from "../../common/errors.ts";
import { fileErrorCode, fileTrouble } from "../../common/files/file-trouble.ts";
import type { NumericColumn } from "../table/table.ts";
import { identifier, literal } from "./sql.ts";

/** DuckDB's own number of rows in a chunk, which it does not exceed. */
const CHUNK_ROWS = 2048;

/**
 * Writes numeric columns to a Parquet file, one that `openFileSource` reads as the same table: float32, vectors as lists.
 * @param path absolute; an existing file is overwritten
 * @throws UncoupleError `invalid-argument` if the file cannot be written
 */
export async function writeParquet(
  path: string,
  rows: number,
  columns: Readonly<Record<string, NumericColumn>>,
): Promise<void> {
  const named = Object.entries(columns);
  const types: readonly DuckDBType[] = named.map(([, { width }]) => (width === 1 ? FLOAT : ARRAY(FLOAT, width)));
  const instance = await DuckDBInstance.create(":memory:");
  try {
    const connection = await instance.connect();
    const declared = named.map(([name], i) => `${identifier(name)} ${(types[i] as DuckDBType).toString()}`);
    await connection.run(`CREATE TABLE rows (${declared.join(", ")})`);
    const appender = await connection.createAppender("rows");
    for (let from = 0; from < rows; from += CHUNK_ROWS) {
      const count = Math.min(CHUNK_ROWS, rows - from);
      const chunk = DuckDBDataChunk.create(types, count);
      for (const [i, [, column]] of named.entries()) chunk.setColumnValues(i, valuesOf(column, from, count));
      appender.appendDataChunk(chunk);
    }
    appender.closeSync();
    await connection.run(`COPY rows TO ${literal(path)} (FORMAT parquet)`);
  } catch (cause) {
    if (cause instanceof UncoupleError) throw cause;
    throw new UncoupleError(fileErrorCode(cause), `cannot write ${path}: ${fileTrouble(cause)}`, { cause });
  } finally {
    instance.closeSync();
  }
}

function valuesOf({ width, values }: NumericColumn, from: number, count: number): DuckDBValue[] {
  return Array.from({ length: count }, (_, i) => {
    const start = (from + i) * width;
    return width === 1 ? (values[start] as number) : arrayValue(Array.from(values.subarray(start, start + width)));
  });
}
