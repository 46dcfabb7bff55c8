import { describe, expect, it } from "vitest";
import { createRandom } from "../../../../services/data/random/random.ts";
import type { DenseLayer } from "../../../../services/data/source/oracle.ts";
import { evaluateDense } from "../../../../services/learning/fitting/dense-function.ts";
import { averageNetworks } from "../../../../services/learning/fitting/ensemble.ts";
import { concatColumns, concatRows } from "../../../../services/learning/fitting/matrices.ts";
import { indexPoints } from "../../../../services/learning/fitting/nearest.ts";
import {
  scalingOf,
  standardize,
  standardizeOutputs,
  unstandardizeInputs,
  unstandardizeOutputs,
} from "../../../../services/learning/fitting/scaling.ts";

function random(length: number, stream: string, sigma = 1): Float32Array {
  const values = new Float32Array(length);
  createRandom(3, stream).fillGaussian(values, sigma);
  return values;
}

const network = (hidden: number, name: string): readonly DenseLayer[] => [
  { inputs: 4, outputs: hidden, weights: random(4 * hidden, `${name}a`), bias: random(hidden, `${name}b`) },
  { inputs: hidden, outputs: 2, weights: random(2 * hidden, `${name}c`), bias: random(2, `${name}d`) },
];
const inputs = { width: 4, values: random(40, "inputs", 5).map((value) => value + 7) };
const close = (actual: Float32Array, expected: Float32Array) => {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] as number, 3);
  });
};

describe("helper networks", () => {
  it("are averaged into one network that predicts their average", async () => {
    const a = network(3, "a");
    const b = network(5, "b");
    const [ofA, ofB] = [await evaluateDense(a, [inputs]), await evaluateDense(b, [inputs])];
    const expected = ofA.values.map((value, i) => (value + (ofB.values[i] as number)) / 2);
    close((await evaluateDense(averageNetworks([a, b]), [inputs])).values, expected);
  });

  it("map raw values once the scaling is folded into their layers, and standardized ones once it is undone", async () => {
    const [first, last] = network(3, "a") as [DenseLayer, DenseLayer];
    const scaling = await scalingOf(inputs);
    const output = { mean: [10, -2], std: [3, 0.5] };
    const standardized = await evaluateDense([first, last], [await standardize(inputs, scaling)]);
    const raw = await evaluateDense(
      [unstandardizeInputs(first, scaling), unstandardizeOutputs(last, output)],
      [inputs],
    );
    close(
      raw.values,
      standardized.values.map((value, i) => value * (i % 2 ? 0.5 : 3) + (i % 2 ? -2 : 10)),
    );
    const back = await evaluateDense(
      [unstandardizeInputs(first, scaling), standardizeOutputs(unstandardizeOutputs(last, output), output)],
      [inputs],
    );
    close(back.values, standardized.values);
  });

  it("keep a constant column harmless", async () => {
    const constant = { width: 1, values: Float32Array.of(4, 4) };
    expect(await standardize(constant, await scalingOf(constant))).toEqual({ width: 1, values: Float32Array.of(0, 0) });
  });

  it("read matrices concatenated by columns and by rows", async () => {
    const a = { width: 1, values: Float32Array.of(1, 2) };
    const b = { width: 2, values: Float32Array.of(3, 4, 5, 6) };
    expect(concatColumns(a, undefined, b)).toEqual({ width: 3, values: Float32Array.of(1, 3, 4, 2, 5, 6) });
    expect(await concatRows([b, b])).toEqual({ width: 2, values: Float32Array.of(3, 4, 5, 6, 3, 4, 5, 6) });
  });
});

describe("nearest points", () => {
  it("match an exhaustive search, with the lowest index on ties", () => {
    const width = 3;
    // Rounded to produce ties.
    const points = random(300 * width, "points").map((value) => Math.round(value * 2) / 2);
    const among = Array.from({ length: 300 }, (_, i) => i).filter((i) => i % 3 !== 0);
    const index = indexPoints(points, width, among);
    const queries = random(200 * width, "queries");
    for (let q = 0; q < 200; q++) {
      const query = queries.subarray(q * width, (q + 1) * width);
      const distances = among.map((i) =>
        query.reduce((sum, v, k) => sum + (v - (points[i * width + k] as number)) ** 2, 0),
      );
      expect(index.nearest(query)).toBe(among[distances.indexOf(Math.min(...distances))]);
    }
  });
});
