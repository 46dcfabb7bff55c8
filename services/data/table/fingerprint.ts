import { createHash } from "node:crypto";
import type { Table } from "./table.ts";

/**
 * Computes the SHA-256 (hex) of column names, kinds, widths and values, independent of the order of the columns. Two
 * tables have the same fingerprint if and only if they hold the same rows in the same order.
 */
export function fingerprintTable(table: Table): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(table.columns).sort()) {
    const column = table.columns[name];
    if (column === undefined) continue;
    const dictionary = column.kind === "categorical" ? column.dictionary : [];
    hash.update(`${JSON.stringify([name, column.kind, column.width, table.rows, dictionary])}\n`);
    const values = column.kind === "numeric" ? column.values : column.codes;
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest("hex");
}
