import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import type { TensorFunction, TestInput } from "./compiled-function.ts";

/** A small program over [rows, columns] matrices: every instruction makes one more from those made so far. */
export interface RandomProgram {
  readonly rows: number;
  readonly columns: number;
  readonly instructions: readonly Instruction[];
}

interface Instruction {
  readonly operation: number;
  readonly first: number;
  readonly second: number;
}

interface Operands {
  readonly a: tf.Tensor2D;
  readonly b: tf.Tensor2D;
  /** [columns]. */
  readonly row: tf.Tensor;
  /** [columns, columns]. */
  readonly square: tf.Tensor2D;
  readonly rows: number;
  readonly columns: number;
}

type Operation = (operands: Operands) => tf.Tensor;

/** Operations without kinks and steps, for gradients of gradients. */
const SMOOTH: readonly Operation[] = [
  ({ a, b }) => tf.add(a, b),
  ({ a, b }) => tf.sub(a, b),
  ({ a, b }) => tf.mul(a, b),
  ({ a, b }) => tf.div(a, tf.add(tf.square(b), 1)),
  ({ a, b }) => tf.squaredDifference(a, b),
  ({ a, square }) => tf.matMul(a, square),
  ({ a }) => tf.tanh(a),
  ({ a }) => tf.sigmoid(a),
  ({ a }) => tf.softplus(a),
  ({ a }) => tf.sqrt(tf.add(tf.square(a), 0.5)),
  ({ a }) => tf.sub(a, tf.mean(a, 0, true)),
  ({ a, rows, columns }) => tf.reshape(tf.transpose(tf.reshape(a, [columns, rows])), [rows, columns]),
];

/** In the range in which their inputs stay, all of them are tame. */
const OPERATIONS: readonly Operation[] = [
  ...SMOOTH,
  ({ a, b }) => tf.maximum(a, b),
  ({ a, b }) => tf.minimum(a, b),
  ({ a, b, rows, columns }) => {
    const chosen = Array.from({ length: rows * columns }, (_, index) => (index * 7) % 3 > 0);
    return tf.where(tf.tensor2d(chosen, [rows, columns], "bool"), a, b);
  },
  ({ a, b }) => tf.mul(a, tf.step(b, 0.3)),
  ({ a, row }) => tf.add(a, row),
  ({ a, row }) => tf.mul(row, a),
  ({ a, row }) => tf.prelu(a, row),
  ({ a, square }) => tf.matMul(a, square, false, true),
  ({ a, b, square }) => tf.matMul(tf.matMul(a, b, false, true), tf.matMul(b, square)),
  ({ a, b }) => tf.matMul(b, tf.matMul(a, b, true, false), false, true),
  ({ a, b, row }) =>
    tf.fused.matMul({ a: tf.matMul(a, b, false, true), b: a, bias: row, activation: "relu" }) as tf.Tensor,
  ({ a }) => tf.relu(a),
  ({ a }) => tf.relu6(tf.mul(a, 5)),
  ({ a }) => tf.elu(a),
  ({ a }) => tf.selu(a),
  ({ a }) => tf.leakyRelu(a),
  ({ a }) => tf.erf(a),
  ({ a }) => tf.sin(a),
  ({ a }) => tf.cos(tf.mul(a, 3)),
  ({ a }) => tf.atan(a),
  ({ a }) => tf.asinh(a),
  ({ a }) => tf.exp(tf.neg(tf.abs(a))),
  ({ a }) => tf.log(tf.add(tf.abs(a), 0.5)),
  ({ a }) => tf.log1p(tf.square(a)),
  ({ a }) => tf.expm1(tf.tanh(a)),
  ({ a }) => tf.rsqrt(tf.add(tf.square(a), 0.5)),
  ({ a }) => tf.reciprocal(tf.add(tf.square(a), 0.5)),
  ({ a }) => tf.pow(tf.add(tf.square(a), 0.5), tf.scalar(1.5)),
  ({ a }) => tf.softmax(a),
  ({ a }) => tf.logSoftmax(a),
  ({ a }) => tf.clipByValue(a, -0.8, 0.9),
  ({ a }) => tf.div(a, tf.add(tf.sum(tf.abs(a), 1, true), 1)),
  ({ a }) => tf.sub(a, tf.max(a, 1, true)),
  ({ a }) => tf.add(a, tf.min(a, 0, true)),
  ({ a }) => tf.sub(a, tf.logSumExp(a, 1, true)),
  ({ a }) => tf.mul(a, tf.sum(a)),
  ({ a, b, rows, columns }) => tf.slice(tf.concat([a, b], 1), [0, columns >> 1], [rows, columns]),
  ({ a, rows }) =>
    tf.gather(
      a,
      Array.from({ length: rows }, (_, index) => (2 * index) % rows),
    ),
  ({ a, columns }) => (columns === 1 ? a : tf.concat(tf.split(a, [1, columns - 1], 1).reverse(), 1)),
  ({ a, b }) => tf.sum(tf.stack([a, b, a]), 0),
  ({ a, rows, columns }) =>
    tf.slice(
      tf.pad(a, [
        [1, 0],
        [0, 1],
      ]),
      [0, 1],
      [rows, columns],
    ),
  ({ a, rows, columns }) => tf.mul(tf.tile(tf.slice(a, [0, 0], [1, columns]), [rows, 1]), 0.5),
  ({ a }) => tf.mul(tf.mul(a, 2), tf.scalar(0.25)),
  ({ a }) => tf.add(tf.zerosLike(a), tf.mul(a, tf.onesLike(a))),
  ({ a }) => tf.mul(a, tf.exp(tf.scalar(-0.5))),
  ({ a }) => tf.cumsum(a, 1),
  ({ a }) => tf.reverse(a, 1),
];

export const randomPrograms = programs(OPERATIONS.length, 12);
export const smoothPrograms = programs(SMOOTH.length, 5);

/** Programs of 1 to `longest` of the first operations, on matrices of up to 7 rows and 11 columns. */
function programs(operations: number, longest: number): fc.Arbitrary<RandomProgram> {
  const instruction = fc.record({ operation: fc.nat(operations - 1), first: fc.nat(50), second: fc.nat(50) });
  return fc.record({
    rows: fc.integer({ min: 1, max: 7 }),
    columns: fc.integer({ min: 1, max: 11 }),
    instructions: fc.array(instruction, { minLength: 1, maxLength: longest }),
  });
}

/** Of `programOf`: a matrix, a row and a square matrix. */
export function inputsOf({ rows, columns }: RandomProgram): TestInput[] {
  return [{ shape: [rows, columns] }, { shape: [columns] }, { shape: [columns, columns] }];
}

/**
 * The program as a function with a scalar result.
 *
 * @param disturb applied to what every instruction makes; default: the identity
 */
export function programOf(
  { rows, columns, instructions }: RandomProgram,
  disturb: (made: tf.Tensor2D) => tf.Tensor2D = (made) => made,
): TensorFunction {
  return (...[input, row, square]) => {
    const made: tf.Tensor2D[] = [input as tf.Tensor2D];
    for (const { operation, first, second } of instructions) {
      const [a, b] = [made[first % made.length], made[second % made.length]] as [tf.Tensor2D, tf.Tensor2D];
      const operands = { a, b, row: row as tf.Tensor, square: square as tf.Tensor2D, rows, columns };
      const result = (OPERATIONS[operation] as Operation)(operands) as tf.Tensor2D;
      // Keeps the numbers in range, so that rounding is not blown up; every second program part goes without.
      made.push(disturb(made.length % 2 === 0 ? tf.mul(result, 0.5) : tf.tanh(result)));
    }
    return tf.mean(tf.addN(made.slice(-3)));
  };
}

/** The result, and its gradient by each input. */
export function withGradients(work: TensorFunction): TensorFunction {
  return (...inputs) => {
    // An input that the program does not use has no gradient in tfjs: touch each one.
    const touched = (...parameters: tf.Tensor[]) =>
      tf.addN([work(...parameters) as tf.Tensor, ...parameters.map((p) => tf.mul(tf.sum(p), 0.01))]) as tf.Scalar;
    return [touched(...inputs), ...tf.grads(touched)(inputs)];
  };
}

/** A gradient penalty on the first input, and its gradient: derivatives of second order. */
export function withPenalty(work: TensorFunction): TensorFunction {
  return (...[input, row, square]) => {
    const penalty = (x: tf.Tensor) => {
      const f = (z: tf.Tensor) =>
        tf.add(work(z, row as tf.Tensor, square as tf.Tensor) as tf.Scalar, tf.mean(tf.square(z))) as tf.Scalar;
      return tf.sum(tf.square(tf.grad(f)(x))) as tf.Scalar;
    };
    return [penalty(input as tf.Tensor), tf.grad(penalty)(input as tf.Tensor)];
  };
}
