import { expect, test } from "vitest";
import type { Table } from "../../../../services/data/table/table.ts";
import { tryModel } from "../../../../services/inference/host/try-model.ts";
import { ModelFault } from "../../../../services/learning/snapshot/faults/model-fault.ts";
import { tableOf } from "../../../helpers/linear-pipelines.ts";

const rows = 1000;
const table = tableOf({ x: Array.from({ length: rows }, (_, row) => row - 300) });
const xOf = ({ columns }: Table) => (columns.x as { values: Float32Array }).values;

async function tried(predict: (x: Float32Array, call: number) => Float32Array): Promise<string> {
  let calls = 0;
  const model = { predict: async (inputs: Table) => predict(xOf(inputs), calls++), dispose: async () => {} };
  const predicted = await model.predict(table);
  try {
    await tryModel(model, table, predicted, { name: "y", kind: "numeric", width: 1 });
    return "accepted";
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ModelFault);
    return (thrown as ModelFault).reason;
  }
}

const mean = (x: Float32Array) => x.reduce((sum, value) => sum + value, 0) / x.length;

test.each([
  ["a function of a row", (x: Float32Array) => x.map((value) => 3 * value + 1)],
  ["a constant", (x: Float32Array) => x.map(() => 7)],
  [
    "NaN in some rows, the same ones in each call",
    (x: Float32Array) => x.map((value) => (value < 0 ? Number.NaN : value)),
  ],
  [
    "the rounding of a kernel that depends on the number of rows",
    (x: Float32Array) => x.map((value) => value * (1 + 1e-6 * (x.length % 3))),
  ],
])("%s is accepted", async (_, predict) => {
  expect(await tried(predict)).toBe("accepted");
});

test.each([
  ["the mean of a call leaks into its rows", (x: Float32Array) => x.map((value) => value - mean(x))],
  ["the number of rows leaks", (x: Float32Array) => x.map((value) => value + 10 * x.length)],
  ["a row adds the one before it", (x: Float32Array) => x.map((value, row) => value + (x[row - 1] ?? 0))],
  ["the first row alone is special", (x: Float32Array) => x.map((value, row) => (row === 0 ? 1e4 : value))],
  ["a cumulative sum", (x: Float32Array) => x.map((_, row) => x.slice(0, row + 1).reduce((a, b) => a + b))],
  [
    "one row alone fails",
    (x: Float32Array) => {
      if (x.length === 1) throw new ModelFault("malformed-model", "cannot squeeze");
      return x;
    },
  ],
])("%s: not row-wise", async (_, predict) => {
  expect(await tried(predict)).toBe("not-row-wise");
});

test.each([
  ["two calls differ", (x: Float32Array, call: number) => x.map((value) => value + call)],
  [
    "two calls differ in the last bit",
    (x: Float32Array, call: number) => x.map((value) => value * (1 + call * 2 ** -23)),
  ],
])("%s: not deterministic", async (_, predict) => {
  expect(await tried(predict)).toBe("not-deterministic");
});
