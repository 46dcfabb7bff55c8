import type { Column } from "../table/table.ts";
import { takeRows } from "../table/take-rows.ts";
import { isSpilled, type StoredTable, tableBlocks } from "./stored-table.ts";
import { createTableSpill } from "./table-spill.ts";

/** Selects rows of a table, ascending: in memory if the table is, otherwise into files beside it. */
export async function takeStoredRows(table: StoredTable, rows: Int32Array): Promise<StoredTable> {
  if (!isSpilled(table)) return takeRows(table, rows);
  const names = Object.keys(table.columns);
  const spill = await createTableSpill(table.folder, names);
  let first = 0;
  let at = 0;
  for await (const block of tableBlocks(table)) {
    const start = at;
    while (at < rows.length && (rows[at] as number) < first + block.rows) at++;
    const { columns } = takeRows(
      block,
      rows.subarray(start, at).map((row) => row - first),
    );
    await spill.append(names.map((name) => columns[name] as Column));
    first += block.rows;
  }
  const dictionaries = Object.entries(table.columns).map(([name, column]) => [
    name,
    column.kind === "categorical" ? column.dictionary : [],
  ]);
  return spill.finish(Object.fromEntries(dictionaries));
}
