import { UncoupleError } from "../../common/errors.ts";
import type { CounterfactualOracle, DenseLayer } from "../../data/source/oracle.ts";
import type { ColumnEncoding } from "../../data/table/encoding.ts";
import { type EncodedDataset, numericPart } from "../dataset/encoded-dataset.ts";
import { standardizeOutputs } from "../fitting/scaling.ts";
import type { CounterfactualFunction } from "./counterfactual.ts";
import type { CounterfactualEvidence } from "./evidence.ts";
import type { CounterfactualSource } from "./source.ts";

/** The generator's M2* (Modi et al. 2023, section 4: "we use the DGP to compute the counterfactual output"). */
export const oracle: CounterfactualSource = {
  name: "oracle",
  observes: "the data-generating function itself, available for synthetic data",
  missing: (evidence) => {
    if (evidence.oracle === undefined)
      return "the data source does not provide a data-generating function for this component";
    return evidence.dataset.encoding.target.kind === "classes" ? "the oracle supports real outputs only" : undefined;
  },
  prepare: async (evidence) =>
    oracleCounterfactual(evidence.dataset, evidence.oracle as NonNullable<CounterfactualEvidence["oracle"]>),
};

/**
 * Folds the component's standardization into the oracle's first and last layer, so that it maps training space to
 * training space.
 *
 * @throws UncoupleError `failed-precondition` when the oracle reads an input that the component does not
 */
function oracleCounterfactual(dataset: EncodedDataset, oracle: CounterfactualOracle): CounterfactualFunction {
  const { component, encoding } = dataset;
  const columns = [...encoding.columns.columns, ...encoding.imputed.columns];
  const layers = oracle.layers.map(
    (layer): DenseLayer => ({ ...layer, weights: layer.weights.slice(), bias: layer.bias.slice() }),
  );
  layers[0] = readEncoded(layers[0] as DenseLayer, oracle, columns, component.name);
  if (encoding.target.kind === "standardized") {
    const target = numericPart(encoding.target.encoding);
    layers[layers.length - 1] = standardizeOutputs(layers.at(-1) as DenseLayer, target);
  }
  return { description: "oracle", layers, link: "identity" };
}

/**
 * Rewrites the first layer to read the component's encoded inputs, in their order, instead of the oracle's raw inputs.
 */
function readEncoded(
  layer: DenseLayer,
  oracle: CounterfactualOracle,
  columns: readonly ColumnEncoding[],
  component: string,
): DenseLayer {
  const offsets = new Map<string, number>();
  let width = 0;
  for (const column of columns) {
    if (column.kind !== "numeric") {
      throw new UncoupleError("failed-precondition", `${component}: the oracle cannot read text column ${column.name}`);
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
        `${component}: the oracle reads ${input.name}, but the component does not`,
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
