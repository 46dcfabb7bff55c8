import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { removeSpill } from "./spill-folder.ts";
import { isSpilled, type StoredTable } from "./stored-table.ts";

/** Lends a table for work whose files, which it derives from the rows, are removed afterwards. */
export async function withDerivedFiles<T>(table: StoredTable, work: (table: StoredTable) => Promise<T>): Promise<T> {
  if (!isSpilled(table)) return work(table);
  const folder = await mkdtemp(join(table.folder, "derived-"));
  try {
    return await work({ ...table, folder });
  } finally {
    await removeSpill(folder);
  }
}
