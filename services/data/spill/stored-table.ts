import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { yieldToEventLoop } from "../../common/async/yield.ts";
import type { Column, Table } from "../table/table.ts";
import { openSpill, readAt, SPILL_BLOCK_ROWS } from "./spill-file.ts";

/** A column of a spilled table: its values, float32 [rows * width], or its codes, int32 [rows], in a file of its own. */
export type SpilledColumn =
  | { readonly kind: "numeric"; readonly width: number; readonly path: string }
  | { readonly kind: "categorical"; readonly width: 1; readonly path: string; readonly dictionary: readonly string[] };

/** A table whose rows are in files. Plain data. */
export interface SpilledTable {
  readonly rows: number;
  /** Of its files, and of those that are derived from it. */
  readonly folder: string;
  readonly columns: Readonly<Record<string, SpilledColumn>>;
}

/** A table in memory or in files. */
export type StoredTable = Table | SpilledTable;

export function isSpilled(table: StoredTable): table is SpilledTable {
  return "folder" in table;
}

/** Reads the rows of a table, `SPILL_BLOCK_ROWS` at a time. If it is in memory, the only block is the table itself. */
export async function* tableBlocks(table: StoredTable): AsyncGenerator<Table> {
  if (!isSpilled(table)) {
    yield table;
    return;
  }
  const { rows } = table;
  const files = new Map<string, FileHandle>();
  try {
    for (let from = 0; from < rows; from += SPILL_BLOCK_ROWS) {
      const to = Math.min(rows, from + SPILL_BLOCK_ROWS);
      const columns: Record<string, Column> = {};
      for (const [name, column] of Object.entries(table.columns)) {
        columns[name] = await readColumn(files, column, from, to);
      }
      yield { rows: to - from, columns };
    }
  } finally {
    for (const file of files.values()) await file.close();
  }
}

/** A table with some columns of another; those that it does not have are left out. */
export function withColumns(table: StoredTable, names: readonly string[]): StoredTable {
  const columns = Object.fromEntries(Object.entries(table.columns).filter(([name]) => names.includes(name)));
  return { ...table, columns } as StoredTable;
}

/** The columns of two tables with the same rows. If one is spilled, so is the other. */
export function joinTables(a: StoredTable, b: StoredTable): StoredTable {
  return { ...a, columns: { ...a.columns, ...b.columns } } as StoredTable;
}

/** Reads a table into memory. @param table of which the columns fit */
export async function loadTable(table: StoredTable): Promise<Table> {
  if (!isSpilled(table)) return table;
  const columns: Record<string, Column> = {};
  for (const [name, column] of Object.entries(table.columns)) {
    const files = new Map<string, FileHandle>();
    try {
      columns[name] = await readColumn(files, column, 0, table.rows);
    } finally {
      for (const file of files.values()) await file.close();
    }
  }
  return { rows: table.rows, columns };
}

/** As `fingerprintTable`, of a spilled table: reads one column after another. */
export async function fingerprintSpilled({ rows, columns }: SpilledTable): Promise<string> {
  const hash = createHash("sha256");
  for (const name of Object.keys(columns).sort()) {
    const column = columns[name] as SpilledColumn;
    const dictionary = column.kind === "categorical" ? column.dictionary : [];
    hash.update(`${JSON.stringify([name, column.kind, column.width, rows, dictionary])}\n`);
    for await (const block of tableBlocks({ rows, folder: "", columns: { [name]: column } })) {
      const read = block.columns[name] as Column;
      const values = read.kind === "numeric" ? read.values : read.codes;
      hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      await yieldToEventLoop();
    }
  }
  return hash.digest("hex");
}

async function readColumn(
  files: Map<string, FileHandle>,
  column: SpilledColumn,
  from: number,
  to: number,
): Promise<Column> {
  const { path, width } = column;
  const file = files.get(path) ?? (await openSpill(path, "r"));
  files.set(path, file);
  const values = column.kind === "numeric" ? new Float32Array((to - from) * width) : new Int32Array(to - from);
  await readAt(file, path, values, 4 * width * from);
  if (column.kind === "numeric") return { kind: "numeric", width, values: values as Float32Array };
  return { kind: "categorical", width: 1, codes: values as Int32Array, dictionary: column.dictionary };
}
