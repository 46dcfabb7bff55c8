import { square } from "../../common/elementary.ts";
import type { DenseLayer } from "../../data/source/oracle.ts";
import type { Matrix } from "../dataset/encoded-dataset.ts";

/** x = mean + std * standardized x, per coordinate. A std of 0 is replaced by 1. */
export interface Scaling {
  /** [width]. */
  readonly mean: readonly number[];
  /** [width]. */
  readonly std: readonly number[];
}

/** Measures mean and std. @param observed 1 for the values that count, 0 for the others; default: all count */
export function scalingOf({ width, values }: Matrix, observed?: Matrix): Scaling {
  const counts = (i: number) => observed?.values[i] ?? 1;
  const average = (of: (value: number, k: number) => number): number[] => {
    const sums = new Array<number>(width).fill(0);
    const totals = new Array<number>(width).fill(0);
    values.forEach((value, i) => {
      const k = i % width;
      sums[k] = (sums[k] as number) + counts(i) * of(value, k);
      totals[k] = (totals[k] as number) + counts(i);
    });
    return sums.map((sum, k) => sum / Math.max(1, totals[k] as number));
  };
  const mean = average((value) => value);
  const variance = average((value, k) => square(value - (mean[k] as number)));
  return { mean, std: variance.map((value) => Math.sqrt(value) || 1) };
}

export function standardize({ width, values }: Matrix, { mean, std }: Scaling): Float32Array {
  return values.map((value, i) => (value - (mean[i % width] as number)) / (std[i % width] as number));
}

/** Rewrites a layer of standardized inputs into the equivalent layer of raw inputs. */
export function unstandardizeInputs(layer: DenseLayer, { mean, std }: Scaling): DenseLayer {
  const { inputs, outputs } = layer;
  const weights = new Float32Array(inputs * outputs);
  const bias = Float64Array.from(layer.bias);
  for (let i = 0; i < inputs; i++) {
    for (let o = 0; o < outputs; o++) {
      const weight = (layer.weights[i * outputs + o] as number) / (std[i] as number);
      weights[i * outputs + o] = weight;
      bias[o] = (bias[o] as number) - weight * (mean[i] as number);
    }
  }
  return { inputs, outputs, weights, bias: Float32Array.from(bias) };
}

/** Rewrites a layer with standardized outputs into the equivalent layer with raw outputs. */
export function unstandardizeOutputs(layer: DenseLayer, { mean, std }: Scaling): DenseLayer {
  const { outputs } = layer;
  return {
    ...layer,
    weights: layer.weights.map((weight, i) => weight * (std[i % outputs] as number)),
    bias: layer.bias.map((value, o) => value * (std[o] as number) + (mean[o] as number)),
  };
}

/** Rewrites a layer with raw outputs into the equivalent layer with standardized outputs. */
export function standardizeOutputs(layer: DenseLayer, { mean, std }: Scaling): DenseLayer {
  const { outputs } = layer;
  return {
    ...layer,
    weights: layer.weights.map((weight, i) => weight / (std[i % outputs] as number)),
    bias: layer.bias.map((value, o) => (value - (mean[o] as number)) / (std[o] as number)),
  };
}
