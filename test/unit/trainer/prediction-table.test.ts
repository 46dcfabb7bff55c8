import { describe, expect, test } from "vitest";
import type { PredictionInputs } from "../../../services/pipeline/prediction.ts";
import { predictionTable } from "../../../services/trainer/prediction-table.ts";

describe("prediction inputs", () => {
  test("become a table", () => {
    const values = Float32Array.of(1, 2, 3, 4);
    const table = predictionTable({
      rows: 2,
      columns: {
        x: { kind: "numeric", width: 2, values },
        city: { kind: "categorical", values: ["b", "b"] },
      },
    });
    expect(table).toEqual({
      rows: 2,
      columns: {
        x: { kind: "numeric", width: 2, values },
        city: { kind: "categorical", width: 1, codes: Int32Array.of(0, 0), dictionary: ["b"] },
      },
    });
  });

  const x = (values: readonly number[], width = 1) =>
    ({ x: { kind: "numeric", width, values: Float32Array.from(values) } }) as const;
  const refusals: readonly (readonly [string, PredictionInputs, string])[] = [
    ["no rows", { rows: 0, columns: {} }, "at least one row, not 0"],
    ["half a row", { rows: 0.5, columns: {} }, "at least one row"],
    ["too few numbers", { rows: 2, columns: x([1]) }, "column x: 1 values where 2 rows need 2"],
    ["NaN", { rows: 2, columns: x([1, 2, 3, Number.NaN], 2) }, "column x: row 2 is NaN"],
    ["too many texts", { rows: 1, columns: { c: { kind: "categorical", values: ["a", "b"] } } }, "column c: 2 values"],
  ];
  test.each(refusals)("with %s are rejected", (_what, inputs, text) => {
    expect(() => predictionTable(inputs)).toThrow(text);
  });
});
