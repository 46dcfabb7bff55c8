import type * as Tf from "@tensorflow/tfjs";
import type { Chunk, TrainingProgram } from "./interface/program.ts";
import { tf } from "./tfjs/tf.ts";

/** A dense network with ReLU, squared error and Adam, for measuring engines. */
export function benchmarkProgram(widths: readonly number[], batch: number): TrainingProgram {
  const [inputs, outputs] = [widths[0] as number, widths.at(-1) as number];
  return {
    batch,
    resident: { x: { width: inputs }, y: { width: outputs } },
    feeds: {},
    optimizer: { name: "adam", learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    build() {
      const layers = widths.slice(1).map((width, index) => {
        const fan = widths[index] as number;
        return {
          kernel: tf.variable(tf.randomNormal<Tf.Rank.R2>([fan, width], 0, Math.sqrt(2 / fan), "float32", index + 1)),
          bias: tf.variable(tf.zeros([width])),
        };
      });
      const variables: Record<string, Tf.Variable> = {};
      layers.forEach(({ kernel, bias }, index) => {
        variables[`dense${index}/kernel`] = kernel;
        variables[`dense${index}/bias`] = bias;
      });
      return {
        variables,
        loss({ x, y }) {
          const output = layers.reduce((input, { kernel, bias }, index) => {
            const sum = tf.add<Tf.Tensor2D>(tf.matMul(input, kernel as Tf.Tensor2D), bias);
            return index === layers.length - 1 ? sum : tf.relu(sum);
          }, x as Tf.Tensor2D);
          return tf.mean<Tf.Scalar>(tf.squaredDifference(output, y as Tf.Tensor2D));
        },
        dispose() {
          for (const variable of Object.values(variables)) variable.dispose();
        },
      };
    },
  };
}

/** Repeatable data for a benchmark program. */
export function benchmarkData(program: TrainingProgram, rows: number): Record<string, Float32Array> {
  const data: Record<string, Float32Array> = {};
  for (const [name, { width }] of Object.entries(program.resident)) {
    let state = width;
    data[name] = Float32Array.from({ length: rows * width }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return state / 2147483648;
    });
  }
  return data;
}

/** Steps over consecutive rows, with one learning rate. */
export function benchmarkChunk(program: TrainingProgram, rows: number, steps: number): Chunk {
  return {
    steps,
    indices: Int32Array.from({ length: steps * program.batch }, (_, index) => (index * 7919) % rows),
    learningRates: new Float32Array(steps).fill(0.001),
    feeds: {},
  };
}
