import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fitEncoding } from "../../../../services/data/spill/fit-encoding.ts";
import { encode } from "../../../../services/data/table/encoding.ts";
import type { CategoricalColumn, NumericColumn, Table } from "../../../../services/data/table/table.ts";

const numeric = (width: number, ...values: number[]): NumericColumn => ({
  kind: "numeric",
  width,
  values: Float32Array.from(values),
});

function categorical(...texts: string[]): CategoricalColumn {
  const dictionary = [...new Set(texts)];
  return {
    kind: "categorical",
    width: 1,
    codes: Int32Array.from(texts, (text) => dictionary.indexOf(text)),
    dictionary,
  };
}

const table = (rows: number, columns: Table["columns"]): Table => ({ rows, columns });

describe("fitEncoding and encode", () => {
  test("standardize each numeric coordinate, and one-hot encode categories in sorted order", async () => {
    const training = table(4, { v: numeric(2, 0, 10, 2, 10, 4, 30, 6, 30), c: categorical("b", "a", "b", "c") });
    const encoding = await fitEncoding(training, ["c", "v"]);
    expect(encoding.width).toBe(5);
    const encoded = encode(encoding, training);
    const unit = Math.fround(3 / Math.sqrt(5));
    expect(encoded[3]).toBeCloseTo(-unit, 6);
    expect(Array.from(encoded.subarray(0, 3))).toEqual([0, 1, 0]);
    expect(Array.from(encoded.subarray(5, 8))).toEqual([1, 0, 0]);
    expect([4, 9, 14, 19].map((i) => encoded[i])).toEqual([-1, -1, 1, 1]);
  });

  test("apply the statistics of the training rows to other rows, and encode a new category as zeros", async () => {
    const encoding = await fitEncoding(table(2, { x: numeric(1, 0, 2), c: categorical("a", "b") }), ["x", "c"]);
    const later = table(2, { x: numeric(1, 11, 1), c: categorical("z", "b") });
    expect(Array.from(encode(encoding, later))).toEqual([10, 0, 0, 0, 0, 1]);
  });

  test("survive the JSON form of a checkpoint", async () => {
    const training = table(3, { x: numeric(1, 0.1, 0.7, 5), c: categorical("b", "é", "a") });
    const encoding = await fitEncoding(training, ["x", "c"]);
    const stored = JSON.parse(JSON.stringify(encoding));
    expect(encode(stored, training)).toEqual(encode(encoding, training));
  });

  test("encode a constant column as zeros, even if its mean is inexact", async () => {
    const constant = table(3, { x: numeric(1, 0.1, 0.1, 0.1), y: numeric(1, 1e9, 1e9, 1e9) });
    const encoding = await fitEncoding(constant, ["x", "y"]);
    for (const value of encode(encoding, constant)) expect(Math.abs(value)).toBeLessThan(1e-6);
    const other = encode(encoding, table(1, { x: numeric(1, 0.2), y: numeric(1, 1e9) }));
    expect(other[0]).toBeCloseTo(0.1, 5);
  });

  test("keep precision if the mean is large compared with the spread", async () => {
    const values = Array.from({ length: 1000 }, (_, i) => 1_000_000 + (i % 2));
    const encoded = encode(
      await fitEncoding(table(1000, { x: numeric(1, ...values) }), ["x"]),
      table(1000, { x: numeric(1, ...values) }),
    );
    for (const value of encoded) expect(Math.abs(Math.abs(value) - 1)).toBeLessThan(1e-5);
  });

  test("agree with a float32 graph, even for times in seconds", async () => {
    const values = Array.from({ length: 100 }, (_, i) => 1_700_000_000 + 128 * (i % 37));
    const { columns } = await fitEncoding(table(100, { t: numeric(1, ...values) }), ["t"]);
    const encoded = encode({ columns, width: 1 }, table(100, { t: numeric(1, ...values) }));
    const column = columns[0] as Extract<(typeof columns)[number], { kind: "numeric" }>;
    const [mean, std] = [Math.fround(column.mean[0] as number), Math.fround(column.std[0] as number)];
    values.forEach((value, i) => {
      const inGraph = Math.fround(Math.fround(Math.fround(value) - mean) / std);
      expect(Math.abs(inGraph - (encoded[i] as number))).toBeLessThan(1e-6);
    });
  });

  test("treat a subnormal spread, which ONNX Runtime flushes to 0, as constant", async () => {
    const { columns } = await fitEncoding(table(2, { x: numeric(1, 0, 1e-45) }), ["x"]);
    expect(columns).toMatchObject([{ std: [1] }]);
  });

  test("reject a text column with too many values before allocating memory", async () => {
    const kinds = 40_000;
    const column: CategoricalColumn = {
      kind: "categorical",
      width: 1,
      codes: Int32Array.from({ length: kinds }, (_, i) => i),
      dictionary: Array.from({ length: kinds }, (_, i) => `user-${i}`),
    };
    await expect(fitEncoding(table(kinds, { user: column }), ["user"])).rejects.toThrow(
      "column user has 40000 different values in 40000 rows, which take 6.0 GiB",
    );
  });

  test("give training columns mean 0 and variance 1, unless constant", async () => {
    // Avoids subnormal spreads, which count as constant.
    const value = fc.float({ min: -1000, max: 1000, noNaN: true }).map((x) => (Math.abs(x) < 1e-30 ? 0 : x));
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 2, maxLength: 60 }), async (values) => {
        const training = table(values.length, { x: numeric(1, ...values) });
        const encoded = encode(await fitEncoding(training, ["x"]), training);
        const mean = encoded.reduce((sum, x) => sum + x, 0) / encoded.length;
        const variance = encoded.reduce((sum, x) => sum + (x - mean) ** 2, 0) / encoded.length;
        expect(Math.abs(mean)).toBeLessThan(1e-3);
        const constant = values.every((x) => Math.fround(x) === Math.fround(values[0] as number));
        expect(variance).toBeCloseTo(constant ? 0 : 1, 3);
      }),
    );
  });

  test("reject a missing column, and one with a different kind or width, by name", async () => {
    const encoding = await fitEncoding(table(1, { x: numeric(2, 1, 2) }), ["x"]);
    await expect(fitEncoding(table(1, {}), ["x"])).rejects.toThrow("cannot encode column x: not found");
    expect(() => encode(encoding, table(1, { x: numeric(1, 1) }))).toThrow("column x is numeric, 1 wide");
    expect(() => encode(encoding, table(1, { x: categorical("a") }))).toThrow("column x is text");
  });
});
