import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { recordStep } from "../../../../../services/engine/compiler/tracing/record-step.ts";
import { stepKey } from "../../../../../services/engine/compiler/tracing/step-key.ts";
import { TrainingCache } from "../../../../../services/engine/compiler/wasm/training-cache.ts";
import type { TrainingProgram } from "../../../../../services/engine/interface/program.ts";
import { adam, denseProgram } from "../../../../helpers/dense-program.ts";

const dense = (hidden: number, batch = 8) => denseProgram({ widths: [3, hidden, 1], batch, optimizer: adam });

/** w x, compared with y, with a weight of the loss and a constant offset. */
function scaled(
  factor: number,
  offset: readonly number[],
  optimizer: TrainingProgram["optimizer"] = adam,
): TrainingProgram {
  return {
    batch: 4,
    resident: { x: { width: 2 }, y: { width: 2 } },
    feeds: {},
    optimizer,
    build() {
      const w = tf.variable(tf.ones([2, 2])) as tf.Variable<tf.Rank.R2>;
      const shift = tf.tensor1d([...offset]);
      return {
        variables: { w },
        loss: ({ x, y }) =>
          tf.mul(
            tf.mean(tf.squaredDifference(tf.add(tf.matMul(x as tf.Tensor2D, w), shift), y as tf.Tensor2D)),
            factor,
          ) as tf.Scalar,
        dispose: () => tf.dispose([w, shift]),
      };
    },
  };
}

describe("the cache of compiled trainings", () => {
  it("compiles programs of one structure once, and keeps their initial values apart", () => {
    const cache = new TrainingCache();
    const [first, second] = [1, 2].map((seed) => {
      const program = denseProgram({ widths: [3, 5, 1], batch: 8, optimizer: adam, seed });
      return cache.compile(recordStep(program), program);
    });
    expect(second?.bytes).toBe(first?.bytes);
    expect(second?.initial).not.toEqual(first?.initial);
  });

  it("compiles again for another batch", () => {
    const cache = new TrainingCache();
    const [first, second] = [8, 16].map((batch) => cache.compile(recordStep(dense(5, batch)), dense(5, batch)));
    expect(second?.bytes).not.toBe(first?.bytes);
  });
});

describe("the key of a step", () => {
  const key = (program: TrainingProgram) => stepKey(recordStep(program).step);

  it("is the same whenever the program is recorded", () => {
    expect(key(scaled(2, [1, 2]))).toBe(key(scaled(2, [1, 2])));
  });

  it("differs with shapes, constants and the optimizer", () => {
    const keys = [
      key(dense(5)),
      key(dense(6)),
      key(scaled(2, [1, 2])),
      key(scaled(3, [1, 2])),
      key(scaled(2, [1, 3])),
      key(scaled(2, [1, 2], { name: "sgd", learningRate: 0.001 })),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});
