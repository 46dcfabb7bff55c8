import type { Column } from "../table/table.ts";
import { takeRows } from "../table/take-rows.ts";
import { isSpilled, type StoredTable, tableBlocks } from "./stored-table.ts";
import { dictionariesOf, spillTable } from "./table-spill.ts";

/** Selects rows of a table, ascending: in memory if the table is, otherwise into files beside it. */
export async function takeStoredRows(table: StoredTable, rows: Int32Array): Promise<StoredTable> {
  if (!isSpilled(table)) return takeRows(table, rows);
  const names = Object.keys(table.columns);
  return spillTable(table.folder, names, dictionariesOf(table), async function* () {
    let first = 0;
    let at = 0;
    for await (const block of tableBlocks(table)) {
      const start = at;
      while (at < rows.length && (rows[at] as number) < first + block.rows) at++;
      const inBlock = rows.subarray(start, at).map((row) => row - first);
      const { columns } = takeRows(block, inBlock);
      yield names.map((name) => columns[name] as Column);
      first += block.rows;
    }
  });
}
