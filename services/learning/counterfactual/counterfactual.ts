import * as tf from "@tensorflow/tfjs";
import type { DenseLayer } from "../../data/oracle.ts";

/**
 * The counterfactual output as a function, ytilde(row, z) = link(network(own(row), z)) + residual(row), everything in
 * the training space of the component: encoded own columns and standardised imputed inputs in, the target's space out.
 */
export interface CounterfactualFunction {
  /** How it came about, for the manifest: `oracle`, `residualised (300 audited rows)`. */
  readonly description: string;
  /** Dense layers with ReLU between them; reads [own, z]. */
  readonly layers: readonly DenseLayer[];
  /** `softmax` where the target is a distribution over classes. */
  readonly link: "identity" | "softmax";
  /** [rows * outputs] by training row; absent is 0. */
  readonly residual?: Float32Array;
}

/** The function with its weights as tensors on tfjs's current backend, constants of the program; without the residual. */
export function counterfactualNetwork(f: CounterfactualFunction): {
  apply(inputs: tf.Tensor2D): tf.Tensor2D;
  dispose(): void;
} {
  const layers = f.layers.map((layer) => ({
    weights: tf.tensor2d(layer.weights, [layer.inputs, layer.outputs]),
    bias: tf.tensor1d(layer.bias),
  }));
  return {
    apply: (inputs) => {
      const output = layers.reduce((x, layer, i) => {
        const affine = tf.add(tf.matMul(x, layer.weights), layer.bias) as tf.Tensor2D;
        return i < layers.length - 1 ? tf.relu(affine) : affine;
      }, inputs);
      return f.link === "softmax" ? tf.softmax(output) : output;
    },
    dispose: () => tf.dispose(layers.map(({ weights, bias }) => [weights, bias])),
  };
}

/** ytilde at the given inputs, [rows * outputs]. @param inputs [own, z] of every row, [rows * layers[0].inputs] */
export function counterfactualValues(f: CounterfactualFunction, inputs: Float32Array, rows: number): Float32Array {
  let x = inputs;
  f.layers.forEach((layer, i) => {
    x = affine(x, rows, layer, i < f.layers.length - 1);
  });
  const width = (f.layers.at(-1) as DenseLayer).outputs;
  if (f.link === "softmax") softmaxRows(x, rows, width);
  if (f.residual !== undefined) for (let i = 0; i < x.length; i++) x[i] = (x[i] as number) + (f.residual[i] as number);
  return x;
}

function affine(x: Float32Array, rows: number, layer: DenseLayer, relu: boolean): Float32Array {
  const { inputs, outputs, weights, bias } = layer;
  const y = new Float32Array(rows * outputs);
  const sums = new Float64Array(outputs);
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < outputs; o++) sums[o] = bias[o] as number;
    for (let i = 0; i < inputs; i++) {
      const value = x[row * inputs + i] as number;
      for (let o = 0; o < outputs; o++) sums[o] = (sums[o] as number) + value * (weights[i * outputs + o] as number);
    }
    for (let o = 0; o < outputs; o++)
      y[row * outputs + o] = relu ? Math.max(0, sums[o] as number) : (sums[o] as number);
  }
  return y;
}

function softmaxRows(x: Float32Array, rows: number, width: number): void {
  for (let row = 0; row < rows; row++) {
    const at = x.subarray(row * width, (row + 1) * width);
    const highest = at.reduce((a, b) => Math.max(a, b));
    let sum = 0;
    for (let k = 0; k < width; k++) {
      at[k] = Math.exp((at[k] as number) - highest);
      sum += at[k] as number;
    }
    for (let k = 0; k < width; k++) at[k] = (at[k] as number) / sum;
  }
}

/** [own, z] side by side, [rows * (own width + z width)]. */
export function besides(rows: number, ...parts: readonly { width: number; values: Float32Array }[]): Float32Array {
  const width = parts.reduce((sum, part) => sum + part.width, 0);
  const all = new Float32Array(rows * width);
  let offset = 0;
  for (const part of parts) {
    for (let row = 0; row < rows; row++) {
      for (let k = 0; k < part.width; k++) all[row * width + offset + k] = part.values[row * part.width + k] as number;
    }
    offset += part.width;
  }
  return all;
}
