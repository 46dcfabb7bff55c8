import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import {
  type ClassBlock,
  mixtureTensor,
  mixtureValues,
} from "../../../../services/learning/counterfactual/class-mixture.ts";
import { rowsOf } from "../../../../services/learning/dataset/row-matrix.ts";

/** Rows of [x2, p of two classes, q of three classes], with p and q standardized. */
const p: ClassBlock = { offset: 1, width: 2, mean: [0.25, 0.75], std: [0.5, 0.25] };
const q: ClassBlock = { offset: 3, width: 3, mean: [0.5, 0.25, 0.25], std: [0.25, 0.5, 0.125] };
const WIDTH = 6;

const encoded = (x2: number, ...probabilities: readonly number[]): number[] => {
  const [mean, std] = [
    [...p.mean, ...q.mean],
    [...p.std, ...q.std],
  ];
  return [x2, ...probabilities.map((value, k) => (value - (mean[k] as number)) / (std[k] as number))];
};

/** Not linear in its inputs, and different for each pair of classes. */
const WEIGHTS = [1, 2, -1, 0.5, 3, -2];
const f = (row: readonly number[]) => row.reduce((sum, value, k) => sum + value * (WEIGHTS[k] as number), 0) ** 2;
const atClasses = (x2: number, a: number, b: number) =>
  f(encoded(x2, ...[0, 1].map((k) => +(k === a)), ...[0, 1, 2].map((k) => +(k === b))));

const rows = [
  { x2: 2, p: [0.3, 0.7], q: [0.2, 0.5, 0.3] },
  { x2: -1, p: [1, 0], q: [0.1, 0.1, 0.8] },
];
const expected = rows.map(({ x2, p, q }) => {
  let sum = 0;
  p.forEach((a, i) => {
    q.forEach((b, j) => {
      sum += a * b * atClasses(x2, i, j);
    });
  });
  return sum;
});

const evaluate = async (values: Float32Array) => {
  const mixture = await mixtureValues([p, q], { width: WIDTH, values }, async (labeled) => ({
    width: 1,
    values: Float32Array.from({ length: rowsOf(labeled) }, (_, row) =>
      f([...labeled.values.subarray(row * WIDTH, (row + 1) * WIDTH)]),
    ),
  }));
  await tf.setBackend("cpu");
  const tensor = mixtureTensor([p, q], tf.tensor2d(values, [values.length / WIDTH, WIDTH]), (labeled) =>
    tf.square(tf.matMul(labeled, tf.tensor2d(WEIGHTS, [WIDTH, 1]))),
  );
  return { values: [...mixture.values], tensor: [...(await tensor.data())] };
};

describe("a function of labels at probabilities", () => {
  it("is the sum over all combinations of classes, each with its probability", async () => {
    const inputs = Float32Array.from(rows.flatMap(({ x2, p, q }) => encoded(x2, ...p, ...q)));
    const { values, tensor } = await evaluate(inputs);
    for (const [row, value] of expected.entries()) {
      expect(Math.abs((values[row] as number) / value - 1)).toBeLessThan(1e-4);
      expect(Math.abs((tensor[row] as number) / value - 1)).toBeLessThan(1e-4);
    }
  });

  it("stays within the values at classes for perturbed probabilities, even if all are negative", async () => {
    const inputs = Float32Array.from([
      ...encoded(2, -0.5, 1.5, 0.4, 0.4, 0.4),
      ...encoded(2, -0.1, -0.2, -0.3, -0.1, -1),
    ]);
    const { values, tensor } = await evaluate(inputs);
    const all = [0, 1].flatMap((a) => [0, 1, 2].map((b) => atClasses(2, a, b)));
    const mean = all.reduce((sum, value) => sum + value) / all.length;
    const second = [0, 1, 2].reduce((sum, b) => sum + atClasses(2, 1, b) / 3, 0);
    for (const mixed of [values, tensor]) {
      expect(Math.abs((mixed[0] as number) / second - 1)).toBeLessThan(1e-3);
      expect(Math.abs((mixed[1] as number) / mean - 1)).toBeLessThan(1e-3);
    }
  });
});
