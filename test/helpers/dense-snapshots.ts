import * as tf from "@tensorflow/tfjs";
import { createRandom } from "../../services/data/random/random.ts";
import type { CounterfactualOracle, DenseLayer } from "../../services/data/source/oracle.ts";
import { createSyntheticSource } from "../../services/data/synthetic/synthetic-source.ts";
import type { Table } from "../../services/data/table/table.ts";
import { heldOutColumns } from "../../services/data/visibility.ts";
import { compileInference } from "../../services/engine/compiler/inference.ts";
import { snapshotContract } from "../../services/learning/snapshot/snapshot-contract.ts";
import { componentNamed } from "../../services/pipeline/dag.ts";
import type { SnapshotDraft } from "../../services/pipeline/manifest.ts";
import type { Pipeline, SyntheticSource } from "../../services/pipeline/pipeline.ts";
import { type DraftChange, draft } from "./drafts.ts";

const data: SyntheticSource = { source: "synthetic", generator: "two-stage", seed: 11, rows: 4000, testFraction: 0.5 };

/** The paper's pipeline on its generator: m1 predicts z from x1, m2 predicts y from x2 and m1's z. */
export const twoStage: Pipeline = {
  name: "demo",
  objective: "m2",
  data,
  components: [
    {
      name: "m1",
      columns: ["x1"],
      upstream: [],
      output: { name: "z", width: 3, meaning: "real" },
      loss: "mse",
      target: "z",
    },
    {
      name: "m2",
      columns: ["x2"],
      upstream: ["m1"],
      output: { name: "y", width: 1, meaning: "scalar" },
      loss: "mse",
      target: "y",
    },
  ],
};

export async function heldOutOf(pipeline: Pipeline): Promise<Table> {
  const rows = await createSyntheticSource(pipeline.data as SyntheticSource).heldOutRows(heldOutColumns(pipeline));
  return rows.table;
}

export function oracleOf(component: string): CounterfactualOracle {
  const oracle = createSyntheticSource(data).oracle(component);
  if (oracle === undefined) throw new Error(`no oracle of ${component}`);
  return oracle;
}

/** The oracle with Gaussian noise on its weights, in units of their own size: the more, the worse a model it is. */
export function spoilt(oracle: CounterfactualOracle, noise: number, seed = 1): CounterfactualOracle {
  const random = createRandom(seed, "spoilt");
  const layers = oracle.layers.map(
    (layer): DenseLayer => ({
      ...layer,
      weights: layer.weights.map((weight) => weight * (1 + noise * random.gaussian())),
    }),
  );
  return { ...oracle, layers };
}

/** The network with its outputs multiplied by a factor. */
export function scaled(network: CounterfactualOracle, factor: number): CounterfactualOracle {
  const last = network.layers.length - 1;
  const layers = network.layers.map((layer, index) =>
    index < last
      ? layer
      : { ...layer, weights: layer.weights.map((w) => w * factor), bias: layer.bias.map((b) => b * factor) },
  );
  return { ...network, layers };
}

/** The network reading z divided by a factor, which undoes `scaled` upstream. */
export function readingScaledZ(network: CounterfactualOracle, factor: number): CounterfactualOracle {
  const [first, ...rest] = network.layers;
  if (first === undefined) throw new Error("no layers");
  const own = network.inputs.find(({ name }) => name !== "z")?.width ?? 0;
  const zFirst = network.inputs[0]?.name === "z";
  const weights = first.weights.map((weight, index) => {
    const input = Math.floor(index / first.outputs);
    const isZ = zFirst ? input < 3 : input >= own;
    return isZ ? weight / factor : weight;
  });
  return { ...network, layers: [{ ...first, weights }, ...rest] };
}

/** A dense network as the ONNX graph of a snapshot. @param output its name in the graph */
export function denseBytes(network: CounterfactualOracle, output: string): Uint8Array {
  const width = network.layers.at(-1)?.outputs ?? 0;
  return compileInference({
    inputs: network.inputs.map(({ name, width: wide }) => ({ name, kind: "numeric", width: wide })),
    output: { name: output, width },
    predict(inputs) {
      const columns = network.inputs.map(({ name }) => inputs[name] as tf.Tensor2D);
      let values = columns.length === 1 ? (columns[0] as tf.Tensor2D) : tf.concat2d(columns, 1);
      network.layers.forEach((layer, index) => {
        const weights = tf.tensor2d(layer.weights, [layer.inputs, layer.outputs]);
        values = tf.add(tf.matMul(values, weights), tf.tensor1d(layer.bias)) as tf.Tensor2D;
        if (index < network.layers.length - 1) values = tf.relu(values);
      });
      return values;
    },
  }).bytes;
}

/** A draft whose manifest fits the component's contract. */
export async function draftFor(
  pipeline: Pipeline,
  component: string,
  { contract, ...change }: DraftChange = {},
): Promise<SnapshotDraft> {
  const schema = await createSyntheticSource(pipeline.data as SyntheticSource).schema();
  const { inputs, output } = snapshotContract(pipeline, componentNamed(pipeline, component), schema);
  return draft({ pipeline: pipeline.name, component, contract: { inputs, output, ...contract }, ...change });
}
