import { UncoupleError } from "../common/errors.ts";
import type { SliceCondition } from "../pipeline/model-test.ts";
import type { CategoricalColumn, Table } from "./table/table.ts";

/**
 * Finds the rows that meet all conditions.
 * @param labels columns as text, for conditions on columns that the table does not have
 * @returns ascending
 * @throws UncoupleError `invalid-argument` for a column that neither has
 */
export function sliceRows(
  where: Readonly<Record<string, SliceCondition>>,
  table: Table,
  labels: Readonly<Record<string, CategoricalColumn>>,
): Int32Array {
  const conditions = Object.entries(where).map(([name, condition]) => holdsIn(name, condition, table, labels));
  const rows: number[] = [];
  for (let row = 0; row < table.rows; row++) {
    if (conditions.every((holds) => holds(row))) rows.push(row);
  }
  return Int32Array.from(rows);
}

function holdsIn(
  name: string,
  condition: SliceCondition,
  table: Table,
  labels: Readonly<Record<string, CategoricalColumn>>,
): (row: number) => boolean {
  const column = table.columns[name] ?? labels[name];
  if (column === undefined) throw new UncoupleError("invalid-argument", `a slice names the unknown column ${name}`);
  if (column.kind === "categorical") {
    const { codes, dictionary } = column;
    return (row) => dictionary[codes[row] as number] === String(condition);
  }
  const { values } = column;
  if (typeof condition !== "object") {
    const wanted = Math.fround(Number(condition));
    return (row) => values[row] === wanted;
  }
  const { low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY } = condition;
  return (row) => (values[row] as number) >= low && (values[row] as number) < high;
}
