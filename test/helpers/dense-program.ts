import * as tf from "@tensorflow/tfjs";
import type { BuiltProgram, TrainingProgram } from "../../services/engine/interface/program.ts";
import type { OptimizerSpec } from "../../services/pipeline/team.ts";

export interface DenseProgramOptions {
  /** Input width, hidden widths, output width. */
  readonly widths: readonly number[];
  readonly batch: number;
  readonly optimizer: OptimizerSpec;
  readonly seed?: number;
  readonly loss?: "mse" | "cross-entropy";
  readonly activation?: (x: tf.Tensor2D) => tf.Tensor2D;
}

export const adam: OptimizerSpec = { name: "adam", learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** A dense network over the resident columns x and y, as the trainer would build it. */
export function denseProgram(options: DenseProgramOptions): TrainingProgram {
  const { widths, batch, optimizer, seed = 1, loss = "mse", activation = tf.relu } = options;
  const build = (): BuiltProgram => {
    const variables: Record<string, tf.Variable> = {};
    const layers = widths.slice(1).map((width, index) => {
      const fan = widths[index] as number;
      const w = tf.variable(tf.randomNormal([fan, width], 0, Math.sqrt(2 / fan), "float32", seed * 100 + index));
      const b = tf.variable(tf.zeros([width]));
      variables[`dense${index}/kernel`] = w;
      variables[`dense${index}/bias`] = b;
      return { w: w as tf.Tensor2D, b: b as tf.Tensor };
    });
    return {
      variables,
      loss({ x, y }) {
        let h = x as tf.Tensor2D;
        layers.forEach(({ w, b }, index) => {
          h = tf.add(tf.matMul(h, w), b);
          if (index < layers.length - 1) h = activation(h);
        });
        return loss === "mse"
          ? (tf.mean(tf.squaredDifference(h, y as tf.Tensor2D)) as tf.Scalar)
          : (tf.losses.softmaxCrossEntropy(tf.softmax(y as tf.Tensor2D), h) as tf.Scalar);
      },
      dispose() {
        for (const variable of Object.values(variables)) variable.dispose();
      },
    };
  };
  const first = widths[0] as number;
  const last = widths.at(-1) as number;
  return { batch, optimizer, resident: { x: { width: first }, y: { width: last } }, feeds: {}, build };
}

/** Repeatable numbers in [-1, 1). */
export function numbers(count: number, seed = 1): Float32Array {
  let state = (seed * 2654435761) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2147483648 - 1;
  });
}

/** Repeatable row numbers. */
export function rowNumbers(count: number, rows: number, seed = 7): Int32Array {
  return Int32Array.from(numbers(count, seed), (value) => Math.min(rows - 1, Math.floor(((value + 1) / 2) * rows)));
}
