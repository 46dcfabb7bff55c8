import type { Column, Table } from "./table.ts";

/** Selects rows of a table, in the given order. @param rows row numbers, each below `table.rows` */
export function takeRows(table: Table, rows: Int32Array): Table {
  return {
    rows: rows.length,
    columns: Object.fromEntries(
      Object.entries(table.columns).map(([name, column]) => [name, takeColumn(column, rows)]),
    ),
  };
}

/** Selects columns of a table; leaves out those that it does not have. */
export function takeColumns({ rows, columns }: Table, names: readonly string[]): Table {
  return { rows, columns: Object.fromEntries(Object.entries(columns).filter(([name]) => names.includes(name))) };
}

function takeColumn(column: Column, rows: Int32Array): Column {
  if (column.kind === "categorical") return { ...column, codes: rows.map((row) => column.codes[row] as number) };
  const { width } = column;
  const values = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    values.set(column.values.subarray(row * width, (row + 1) * width), i * width);
  });
  return { ...column, values };
}
