import { UncoupleError } from "../../common/errors.ts";
import type { CategoricalColumn, Column, NumericColumn, Table } from "../../data/table/table.ts";
import { changedColumns, type RowChange } from "../../pipeline/model-test.ts";

/**
 * Applies a change to every row.
 * @returns the table with new columns, and the rows that differ from before, ascending
 * @throws UncoupleError `invalid-argument` for a column that is missing or of another kind
 */
export function changeRows(table: Table, change: RowChange): { readonly table: Table; readonly changed: Int32Array } {
  const columns: Record<string, Column> = { ...table.columns };
  for (const [name, value] of Object.entries(change.set ?? {})) columns[name] = setTo(table, name, value);
  for (const [name, factor] of Object.entries(change.scale ?? {})) {
    const column = numericOf(table, name);
    columns[name] = { ...column, values: column.values.map((value) => value * factor) };
  }
  for (const [name, values] of Object.entries(change.map ?? {}))
    columns[name] = mapped(categoricalOf(table, name), values);
  if (change.swap !== undefined) {
    const [a, b] = change.swap;
    columns[a] = columnOf(table, b);
    columns[b] = columnOf(table, a);
  }
  const touched = changedColumns(change).map((name) => [columnOf(table, name), columns[name] as Column] as const);
  const changed: number[] = [];
  for (let row = 0; row < table.rows; row++) {
    if (touched.some(([before, after]) => !isSame(before, after, row))) changed.push(row);
  }
  return { table: { rows: table.rows, columns }, changed: Int32Array.from(changed) };
}

function setTo(table: Table, name: string, value: number | string): Column {
  if (typeof value === "string") {
    const { codes } = categoricalOf(table, name);
    return { kind: "categorical", width: 1, codes: new Int32Array(codes.length), dictionary: [value] };
  }
  const { width, values } = numericOf(table, name);
  return { kind: "numeric", width, values: new Float32Array(values.length).fill(value) };
}

function mapped(column: CategoricalColumn, values: Readonly<Record<string, string>>): CategoricalColumn {
  return {
    ...column,
    dictionary: column.dictionary.map((text) => (Object.hasOwn(values, text) ? (values[text] as string) : text)),
  };
}

function isSame(a: Column, b: Column, row: number): boolean {
  if (a.kind === "categorical" && b.kind === "categorical") {
    return a.dictionary[a.codes[row] as number] === b.dictionary[b.codes[row] as number];
  }
  if (a.kind === "categorical" || b.kind === "categorical" || a.width !== b.width) return false;
  for (let i = row * a.width; i < (row + 1) * a.width; i++) if (a.values[i] !== b.values[i]) return false;
  return true;
}

function columnOf(table: Table, name: string): Column {
  const column = table.columns[name];
  if (column !== undefined) return column;
  throw new UncoupleError(
    "invalid-argument",
    `a test of the model names the column ${name}, which its rows do not have`,
  );
}

export function numericOf(table: Table, name: string): NumericColumn {
  const column = columnOf(table, name);
  if (column.kind === "numeric") return column;
  throw new UncoupleError(
    "invalid-argument",
    `a test of the model needs numbers in the column ${name}, which has text`,
  );
}

function categoricalOf(table: Table, name: string): CategoricalColumn {
  const column = columnOf(table, name);
  if (column.kind === "categorical") return column;
  throw new UncoupleError(
    "invalid-argument",
    `a test of the model needs text in the column ${name}, which has numbers`,
  );
}
