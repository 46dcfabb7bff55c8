import type { DuckDBVector } from "@duckdb/node-api";
import { SPILL_BLOCK_ROWS } from "../spill/spill-file.ts";
import { removeSpill, type SpillSpace } from "../spill/spill-folder.ts";
import { fingerprintSpilled, type StoredTable } from "../spill/stored-table.ts";
import { createTableSpill, type TableSpill } from "../spill/table-spill.ts";
import { fingerprintTable } from "../table/fingerprint.ts";
import type { Column, ColumnSchema } from "../table/table.ts";
import { createColumnBuilder } from "./column-builder.ts";

/** Collects the rows of a table, chunk by chunk: in memory up to its share, then in files. */
export interface TableBuilder {
  /** Number of rows so far. */
  rows(): number;
  /**
   * Appends some rows of a chunk.
   * @param vector of a column, by its number
   * @throws UncoupleError `resource-exhausted` if the disk is full
   */
  append(vector: (column: number) => DuckDBVector, rows: readonly number[]): Promise<void>;
  finish(): Promise<{ readonly table: StoredTable; readonly fingerprint: string }>;
  /** Removes what was spilled. */
  abandon(): Promise<void>;
}

/** @param space default: all rows stay in memory */
export function createTableBuilder(columns: readonly ColumnSchema[], space: SpillSpace | undefined): TableBuilder {
  const builders = columns.map(createColumnBuilder);
  const rowBytes = 4 * columns.reduce((sum, { width }) => sum + width, 0);
  const names = columns.map(({ name }) => name);
  let rows = 0;
  /** Rows in the builders. */
  let held = 0;
  let folder: string | undefined;
  let spill: TableSpill | undefined;

  const take = () => builders.map((builder) => builder.take());

  async function spillIfNeeded(): Promise<void> {
    if (space === undefined) return;
    if (spill === undefined) {
      if (held * rowBytes <= space.tableBytes) return;
      folder = await space.folder();
      spill = await createTableSpill(folder, names);
    } else if (held < SPILL_BLOCK_ROWS) return;
    held = 0;
    await spill.append(take());
  }

  return {
    rows: () => rows,
    async append(vector, chosen) {
      builders.forEach((builder, column) => {
        builder.append(vector(column), chosen);
      });
      rows += chosen.length;
      held += chosen.length;
      await spillIfNeeded();
    },
    async finish() {
      const last = take();
      const named = Object.fromEntries(names.map((name, index): [string, Column] => [name, last[index] as Column]));
      if (spill === undefined) {
        const table = { rows, columns: named };
        return { table, fingerprint: fingerprintTable(table) };
      }
      await spill.append(last);
      const dictionaries = Object.fromEntries(
        Object.entries(named).map(([name, column]) => [name, column.kind === "categorical" ? column.dictionary : []]),
      );
      const table = await spill.finish(dictionaries);
      return { table, fingerprint: await fingerprintSpilled(table) };
    },
    async abandon() {
      await spill?.abandon();
      if (folder !== undefined) await removeSpill(folder);
    },
  };
}
