import { square } from "../../common/elementary.ts";
import type { DenseLayer } from "../../data/source/oracle.ts";
import { type Mapped, type Matrix, mapRows, matrixBlocks, type RowMatrix } from "../dataset/row-matrix.ts";

/** x = mean + std * standardized x, per coordinate. A std of 0 is replaced by 1. */
export interface Scaling {
  /** [width]. */
  readonly mean: readonly number[];
  /** [width]. */
  readonly std: readonly number[];
}

/** Measures mean and std. @param observed 1 for the values that count, 0 for the others; default: all count */
export async function scalingOf(matrix: RowMatrix, observed?: RowMatrix): Promise<Scaling> {
  const { width } = matrix;
  const average = async (of: (value: number, k: number) => number): Promise<number[]> => {
    const sums = new Array<number>(width).fill(0);
    const totals = new Array<number>(width).fill(0);
    for await (const { block } of matrixBlocks(observed === undefined ? [matrix] : [matrix, observed])) {
      const [{ values }, known] = block as [Matrix, Matrix | undefined];
      values.forEach((value, i) => {
        const k = i % width;
        const count = known?.values[i] ?? 1;
        sums[k] = (sums[k] as number) + count * of(value, k);
        totals[k] = (totals[k] as number) + count;
      });
    }
    return sums.map((sum, k) => sum / Math.max(1, totals[k] as number));
  };
  const mean = await average((value) => value);
  const variance = await average((value, k) => square(value - (mean[k] as number)));
  return { mean, std: variance.map((value) => Math.sqrt(value) || 1) };
}

export function standardize<M extends RowMatrix>(matrix: M, { mean, std }: Scaling): Promise<Mapped<M>> {
  return mapRows([matrix], ([{ width, values }]) => ({
    width,
    values: values.map((value, i) => (value - (mean[i % width] as number)) / (std[i % width] as number)),
  }));
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
