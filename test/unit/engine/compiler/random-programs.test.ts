import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { difference, runCompiled, runEagerly, type TensorFunction } from "../../../helpers/compiled-function.ts";
import { runWasm } from "../../../helpers/wasm-function.ts";

const ROWS = 3;
const COLUMNS = 4;
const INPUTS = [{ shape: [ROWS, COLUMNS] }, { shape: [COLUMNS] }, { shape: [COLUMNS, COLUMNS] }];

type Matrix = tf.Tensor2D;

/** Operations from [3, 4] matrices to a [3, 4] matrix; inputs stay in a range in which all of them are tame. */
const OPERATIONS: readonly ((a: Matrix, b: Matrix, row: tf.Tensor, square: Matrix) => tf.Tensor)[] = [
  (a, b) => tf.add(a, b),
  (a, b) => tf.sub(a, b),
  (a, b) => tf.mul(a, b),
  (a, b) => tf.div(a, tf.add(tf.square(b), 1)),
  (a, b) => tf.maximum(a, b),
  (a, b) => tf.minimum(a, b),
  (a, b) => tf.squaredDifference(a, b),
  (a, b) => tf.where(tf.tensor2d([1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0], [ROWS, COLUMNS], "bool"), a, b),
  (a, _, row) => tf.add(a, row),
  (a, _, row) => tf.mul(row, a),
  (a, _, row) => tf.prelu(a, row),
  (a, _, __, square) => tf.matMul(a, square),
  (a, _, __, square) => tf.matMul(a, square, false, true),
  (a, b, _, square) => tf.matMul(tf.matMul(a, b, false, true), tf.matMul(b, square)),
  (a, b) => tf.matMul(b, tf.matMul(a, b, true, false), false, true),
  (a) => tf.relu(a),
  (a) => tf.tanh(a),
  (a) => tf.sigmoid(a),
  (a) => tf.elu(a),
  (a) => tf.selu(a),
  (a) => tf.softplus(a),
  (a) => tf.leakyRelu(a),
  (a) => tf.erf(a),
  (a) => tf.exp(tf.neg(tf.abs(a))),
  (a) => tf.log1p(tf.square(a)),
  (a) => tf.expm1(tf.tanh(a)),
  (a) => tf.sqrt(tf.add(tf.square(a), 0.5)),
  (a) => tf.rsqrt(tf.add(tf.square(a), 0.5)),
  (a) => tf.pow(tf.add(tf.square(a), 0.5), tf.scalar(1.5)),
  (a) => tf.softmax(a),
  (a) => tf.logSoftmax(a),
  (a) => tf.clipByValue(a, -0.8, 0.9),
  (a) => tf.sub(a, tf.mean(a, 0, true)),
  (a) => tf.div(a, tf.add(tf.sum(tf.abs(a), 1, true), 1)),
  (a) => tf.sub(a, tf.max(a, 1, true)),
  (a) => tf.mul(a, tf.sum(a)),
  (a) => tf.reshape(tf.transpose(tf.reshape(a, [COLUMNS, ROWS])), [ROWS, COLUMNS]),
  (a, b) => tf.slice(tf.concat([a, b], 1), [0, 2], [ROWS, COLUMNS]),
  (a) => tf.gather(a, [2, 2, 0]),
  (a) => tf.concat(tf.split(a, 2, 1).reverse(), 1),
  (a, b) => tf.sum(tf.stack([a, b, a]), 0),
  (a) =>
    tf.slice(
      tf.pad(a, [
        [1, 0],
        [0, 1],
      ]),
      [0, 1],
      [ROWS, COLUMNS],
    ),
  (a) => tf.mul(tf.tile(tf.slice(a, [0, 0], [1, COLUMNS]), [ROWS, 1]), 0.5),
  (a) => tf.mul(tf.mul(a, 2), tf.scalar(0.25)),
  (a) => tf.add(tf.zerosLike(a), tf.mul(a, tf.onesLike(a))),
  (a) => tf.cumsum(a, 1),
  (a) => tf.reverse(a, 1),
];

/** Which operation, on which of the matrices made so far. */
const instruction = fc.record({
  operation: fc.nat(OPERATIONS.length - 1),
  first: fc.nat(50),
  second: fc.nat(50),
});

function programOf(instructions: readonly { operation: number; first: number; second: number }[]): TensorFunction {
  return (input, row, square) => {
    const made: Matrix[] = [input as Matrix];
    for (const { operation, first, second } of instructions) {
      const [a, b] = [made[first % made.length], made[second % made.length]] as [Matrix, Matrix];
      const result = OPERATIONS[operation]?.(a, b, row as tf.Tensor, square as Matrix) as Matrix;
      // Keeps the numbers in range, so that rounding is not blown up; every second program part goes without.
      made.push(made.length % 2 === 0 ? (tf.mul(result, 0.5) as Matrix) : (tf.tanh(result) as Matrix));
    }
    return tf.mean(tf.addN(made.slice(-3)));
  };
}

const withGradients =
  (work: TensorFunction): TensorFunction =>
  (...inputs) => {
    // An input that the program does not use has no gradient in tfjs: touch each one.
    const touched = (...parameters: tf.Tensor[]) =>
      tf.addN([work(...parameters) as tf.Tensor, ...parameters.map((p) => tf.mul(tf.sum(p), 0.01))]) as tf.Scalar;
    return [touched(...inputs), ...tf.grads(touched)(inputs)];
  };

describe("random programs", () => {
  it("have the value and the gradient that tfjs gives them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(instruction, { minLength: 1, maxLength: 12 }), async (instructions) => {
        const work = withGradients(programOf(instructions));
        const wanted = runEagerly(work, INPUTS);
        expect(difference(await runCompiled(work, INPUTS), wanted, 1e-4)).toBeUndefined();
        expect(difference(runWasm(work, INPUTS), wanted, 1e-4)).toBeUndefined();
      }),
      { numRuns: 80, seed: 20260727 },
    );
  });

  it("have the second-order gradients that tfjs gives them", async () => {
    const smooth = [0, 1, 2, 3, 6, 11, 16, 17, 20, 26, 32, 36];
    await fc.assert(
      fc.asyncProperty(fc.array(instruction, { minLength: 1, maxLength: 5 }), async (instructions) => {
        const chosen = instructions.map((i) => ({ ...i, operation: smooth[i.operation % smooth.length] as number }));
        const work = programOf(chosen);
        const penalised: TensorFunction = (...inputs) => {
          const penalty = (x: tf.Tensor) => {
            const f = (z: tf.Tensor) =>
              tf.add(work(z, inputs[1] as tf.Tensor, inputs[2] as tf.Tensor) as tf.Scalar, tf.mean(tf.square(z)));
            return tf.sum(tf.square(tf.grad((z) => f(z) as tf.Scalar)(x))) as tf.Scalar;
          };
          return [penalty(inputs[0] as tf.Tensor), tf.grad(penalty)(inputs[0] as tf.Tensor)];
        };
        const wanted = runEagerly(penalised, INPUTS);
        expect(difference(await runCompiled(penalised, INPUTS), wanted, 1e-4)).toBeUndefined();
        expect(difference(runWasm(penalised, INPUTS), wanted, 1e-4)).toBeUndefined();
      }),
      { numRuns: 40, seed: 7 },
    );
  });
});
