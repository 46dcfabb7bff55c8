import { describe, expect, it } from "vitest";
import { predictionRows, readPredictionRows } from "../../../../services/cli/flags/prediction-rows.ts";

describe("rows to predict", () => {
  it("become columns of numbers, vectors and strings", () => {
    const text = JSON.stringify([
      { a: 1, v: [1, 2], city: "Oslo" },
      { a: 2, v: [3, 4], city: "Rome" },
    ]);
    expect(readPredictionRows(text, "rows.json")).toEqual({
      rows: 2,
      columns: {
        a: { kind: "numeric", width: 1, values: Float32Array.of(1, 2) },
        v: { kind: "numeric", width: 2, values: Float32Array.of(1, 2, 3, 4) },
        city: { kind: "categorical", values: ["Oslo", "Rome"] },
      },
    });
  });

  it.each([
    ["{", "is not valid JSON"],
    ["{}", "must be a list of rows"],
    ["[]", "must be a list of rows"],
    ['[{"a": null}]', "rows.json: row 1: column a: must be"],
    ['[{"a": 1}, {"b": 1}]', "row 2: column a is not in every row"],
    ['[{"a": 1}, {"a": 1, "b": 1}]', "row 2: column b is not in every row"],
    ['[{"a": [1, 2]}, {"a": [1]}]', "row 2: column a must have the same type and width as in row 1"],
    ['[{"a": "x"}, {"a": 1}]', "row 2: column a must have the same type and width as in row 1"],
    ['[{"a": 1}, {"a": "x"}]', "row 2: column a must have the same type and width as in row 1"],
  ])("%s is rejected: %s", (text, says) => {
    expect(() => readPredictionRows(text, "rows.json")).toThrow(says);
    expect(() => readPredictionRows(text, "rows.json")).toThrow("rows.json");
  });

  it("return one list of numbers per row", () => {
    expect(predictionRows({ serial: 1, width: 2, values: Float32Array.of(1, 2, 3, 4) })).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });
});
