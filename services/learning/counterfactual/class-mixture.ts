import type * as Tf from "@tensorflow/tfjs";
import { tf } from "../../engine/tfjs/tf.ts";
import type { Matrix } from "../dataset/row-matrix.ts";
import { rowsOf } from "../dataset/row-matrix.ts";

/** Input columns that hold the probability of every class, standardized as (p - mean) / std. */
export interface ClassBlock {
  /** The first column. */
  readonly offset: number;
  readonly width: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** A choice of one class in every block. */
interface ClassCombination {
  /** The column, mean and standard deviation of the chosen class of every block. */
  readonly chosen: readonly { readonly column: number; readonly mean: number; readonly std: number }[];
  /** [inputs]: 0 for the columns of the blocks, 1 for the others. */
  readonly keep: Float32Array;
  /** [inputs]: the chosen classes as one-hot rows, standardized; 0 for the other columns. */
  readonly oneHot: Float32Array;
}

/** Perturbed inputs can make every probability of a row negative; without it, their weights would then sum to 0. */
const SMALLEST_WEIGHT = 1e-6;

/** The number of combinations of classes, over which a mixture sums. */
export function combinationCount(blocks: readonly ClassBlock[]): number {
  return blocks.reduce((count, { width }) => count * width, 1);
}

/**
 * Evaluates the mixture sum over classes c of z_c f(x2, e_c) on every row, where f is known at labels only and z is a
 * probability. With several blocks, classes are combined as if they were independent given the inputs. Weights below
 * 1e-6 count as 1e-6, and all are divided by their sum, so that perturbed inputs have probabilities, too.
 *
 * @param inputs [rows, inputs], the blocks among their columns
 * @param f maps inputs with labels instead of probabilities to [rows, outputs]
 */
export async function mixtureValues(
  blocks: readonly ClassBlock[],
  inputs: Matrix,
  f: (labeled: Matrix) => Promise<Matrix>,
): Promise<Matrix> {
  const { width, values } = inputs;
  const rows = rowsOf(inputs);
  const total = new Float64Array(rows);
  let sums = new Float64Array(0);
  let outputs = 0;
  for (const { chosen, keep, oneHot } of combinationsOf(blocks, width)) {
    const labeled = values.map((value, i) => value * (keep[i % width] as number) + (oneHot[i % width] as number));
    const output = await f({ width, values: labeled });
    outputs = output.width;
    if (sums.length === 0) sums = new Float64Array(output.values.length);
    for (let row = 0; row < rows; row++) {
      const weight = chosen.reduce(
        (product, { column, mean, std }) =>
          product * Math.max(SMALLEST_WEIGHT, (values[row * width + column] as number) * std + mean),
        1,
      );
      total[row] = (total[row] as number) + weight;
      for (let i = row * outputs; i < (row + 1) * outputs; i++) {
        sums[i] = (sums[i] as number) + weight * (output.values[i] as number);
      }
    }
  }
  return {
    width: outputs,
    values: Float32Array.from(sums, (sum, i) => sum / (total[Math.floor(i / outputs)] as number)),
  };
}

/** The same as tensors: [batch, inputs] to [batch, outputs]. */
export function mixtureTensor(
  blocks: readonly ClassBlock[],
  inputs: Tf.Tensor2D,
  f: (labeled: Tf.Tensor2D) => Tf.Tensor2D,
): Tf.Tensor2D {
  const width = inputs.shape[1];
  let sum: Tf.Tensor2D | undefined;
  let total: Tf.Tensor2D | undefined;
  for (const { chosen, keep, oneHot } of combinationsOf(blocks, width)) {
    const labeled = tf.add(tf.mul(inputs, tf.tensor2d(keep, [1, width])), tf.tensor2d(oneHot, [1, width]));
    const weight = chosen
      .map(({ column, mean, std }) =>
        tf.maximum(tf.add(tf.mul(tf.slice2d(inputs, [0, column], [-1, 1]), std), mean), SMALLEST_WEIGHT),
      )
      .reduce((product, factor) => tf.mul(product, factor)) as Tf.Tensor2D;
    const part = tf.mul(f(labeled as Tf.Tensor2D), weight) as Tf.Tensor2D;
    sum = sum === undefined ? part : (tf.add(sum, part) as Tf.Tensor2D);
    total = total === undefined ? weight : (tf.add(total, weight) as Tf.Tensor2D);
  }
  return tf.div(sum as Tf.Tensor2D, total as Tf.Tensor2D) as Tf.Tensor2D;
}

function combinationsOf(blocks: readonly ClassBlock[], inputs: number): readonly ClassCombination[] {
  const keep = new Float32Array(inputs).fill(1);
  for (const { offset, width } of blocks) keep.fill(0, offset, offset + width);
  return Array.from({ length: combinationCount(blocks) }, (_, number) => {
    const oneHot = new Float32Array(inputs);
    let rest = number;
    const chosen = blocks.map(({ offset, width, mean, std }) => {
      const at = rest % width;
      rest = Math.floor(rest / width);
      for (let k = 0; k < width; k++) {
        oneHot[offset + k] = ((k === at ? 1 : 0) - (mean[k] as number)) / (std[k] as number);
      }
      return { column: offset + at, mean: mean[at] as number, std: std[at] as number };
    });
    return { chosen, keep, oneHot };
  });
}
