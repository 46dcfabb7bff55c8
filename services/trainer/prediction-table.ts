import { UncoupleError } from "../common/errors.ts";
import type { Column, Table } from "../data/table/table.ts";
import type { PredictionColumn, PredictionInputs } from "../pipeline/prediction.ts";

/**
 * Converts prediction inputs to a table.
 * @throws UncoupleError `invalid-argument` naming the column that has the wrong length or is not finite
 */
export function predictionTable({ rows, columns }: PredictionInputs): Table {
  if (!Number.isSafeInteger(rows) || rows < 1) {
    throw new UncoupleError("invalid-argument", `a prediction batch must have at least one row, not ${rows}`);
  }
  const converted = Object.entries(columns).map(([name, column]) => [name, toColumn(name, column, rows)] as const);
  return { rows, columns: Object.fromEntries(converted) };
}

function toColumn(name: string, column: PredictionColumn, rows: number): Column {
  const expected = column.kind === "numeric" ? rows * column.width : rows;
  if (column.values.length !== expected) {
    throw new UncoupleError(
      "invalid-argument",
      `column ${name}: ${column.values.length} values where ${rows} rows need ${expected}`,
    );
  }
  if (column.kind === "numeric") {
    const bad = column.values.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) return column;
    const row = Math.floor(bad / column.width) + 1;
    throw new UncoupleError(
      "invalid-argument",
      `column ${name}: row ${row} is ${column.values[bad]}, not a finite number`,
    );
  }
  const places = new Map<string, number>();
  const codes = Int32Array.from(column.values, (text) => {
    const code = places.get(text) ?? places.size;
    places.set(text, code);
    return code;
  });
  return { kind: "categorical", width: 1, codes, dictionary: [...places.keys()] };
}
