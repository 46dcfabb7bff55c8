import type { ColumnEncoding } from "../../data/encoding.ts";
import type { CounterfactualOracle, DenseLayer } from "../../data/oracle.ts";
import { UncoupleError } from "../../pipeline/errors.ts";
import type { TrainingProblem } from "../training-problem.ts";
import type { CounterfactualFunction } from "./counterfactual.ts";

/**
 * The generator's own M2* (Modi et al. 2023, section 4: "we use the DGP to compute the counterfactual output"), with
 * the component's standardisation folded into its first and last layer, so that it maps training space to training
 * space.
 *
 * @throws UncoupleError `failed-precondition` when the oracle reads an input that the component does not
 */
export function oracleCounterfactual(problem: TrainingProblem, oracle: CounterfactualOracle): CounterfactualFunction {
  const { component, encoding } = problem;
  if (encoding.target.kind !== "standardised") {
    throw new UncoupleError("failed-precondition", `${component.name}: the oracle gives real outputs only`);
  }
  const columns = [...encoding.columns.columns, ...encoding.imputed.columns];
  const layers = oracle.layers.map(
    (layer): DenseLayer => ({ ...layer, weights: layer.weights.slice(), bias: layer.bias.slice() }),
  );
  layers[0] = readStandardised(layers[0] as DenseLayer, oracle, columns, component.name);
  const target = encoding.target.encoding.columns[0];
  if (target?.kind !== "numeric") throw new UncoupleError("internal", "a standardised target must be numeric");
  const last = layers.at(-1) as DenseLayer;
  for (let o = 0; o < last.outputs; o++) {
    const mean = target.mean[o] as number;
    const std = target.std[o] as number;
    last.bias[o] = ((last.bias[o] as number) - mean) / std;
    for (let i = 0; i < last.inputs; i++) {
      last.weights[i * last.outputs + o] = (last.weights[i * last.outputs + o] as number) / std;
    }
  }
  return { description: "oracle", layers, link: "identity" };
}

/** The first layer, reading the component's encoded inputs in their order in place of the oracle's raw ones. */
function readStandardised(
  layer: DenseLayer,
  oracle: CounterfactualOracle,
  columns: readonly ColumnEncoding[],
  component: string,
): DenseLayer {
  const offsets = new Map<string, number>();
  let width = 0;
  for (const column of columns) {
    if (column.kind !== "numeric") {
      throw new UncoupleError(
        "failed-precondition",
        `${component}: the oracle does not read text column ${column.name}`,
      );
    }
    offsets.set(column.name, width);
    width += column.width;
  }
  const { outputs } = layer;
  const weights = new Float32Array(width * outputs);
  const bias = Float64Array.from(layer.bias);
  let row = 0;
  for (const input of oracle.inputs) {
    const column = columns.find(({ name }) => name === input.name);
    const offset = offsets.get(input.name);
    if (column?.kind !== "numeric" || offset === undefined) {
      throw new UncoupleError(
        "failed-precondition",
        `${component}: the oracle reads ${input.name}, which the component does not`,
      );
    }
    for (let k = 0; k < input.width; k++, row++) {
      for (let o = 0; o < outputs; o++) {
        const weight = layer.weights[row * outputs + o] as number;
        weights[(offset + k) * outputs + o] = weight * (column.std[k] as number);
        bias[o] = (bias[o] as number) + weight * (column.mean[k] as number);
      }
    }
  }
  return { inputs: width, outputs, weights, bias: Float32Array.from(bias) };
}
