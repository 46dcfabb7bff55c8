import type * as Tf from "@tensorflow/tfjs";
import { UncoupleError } from "../../common/errors.ts";
import type { ColumnEncoding } from "../../data/table/encoding.ts";
import type { InferenceInput, InferenceProgram } from "../../engine/compiler/inference-program.ts";
import type { TrainingState } from "../../engine/interface/program.ts";
import { tf } from "../../engine/tfjs/tf.ts";
import { type ComponentEncoding, type EncodedDataset, numericPart } from "../dataset/encoded-dataset.ts";
import type { TrainingLoss } from "./losses.ts";
import type { NetworkBuilder } from "./network.ts";

/**
 * The trained component as a function of raw inputs: standardizes and one-hot encodes them, applies the network and the
 * link, and converts the output back to raw units.
 *
 * @param state the final state of a training run of the same network
 */
export function predictionProgram(
  dataset: EncodedDataset,
  network: NetworkBuilder,
  loss: TrainingLoss,
  state: TrainingState,
): InferenceProgram {
  const { component, encoding } = dataset;
  const inputs = [...encoding.columns.columns, ...encoding.imputed.columns];
  return {
    inputs: inputs.map(inferenceInput),
    output: { name: component.output.name, width: component.output.width },
    predict: (raw) => {
      // Rebuilt on the backend that is current; the weights are constants there.
      const trained = network();
      for (const [name, variable] of Object.entries(trained.variables)) {
        const tensor = state[`variable/${name}`];
        if (tensor === undefined) throw new UncoupleError("internal", `the training state has no variable ${name}`);
        variable.assign(tf.tensor(tensor.values, [...tensor.shape]));
      }
      const encoded = inputs.map((column) => encodeTensor(column, raw[column.name] as Tf.Tensor2D));
      const output = trained.apply(encoded.length === 1 ? (encoded[0] as Tf.Tensor2D) : tf.concat2d(encoded, 1));
      const decoded = decodeTensor(encoding, loss.link(output));
      trained.dispose();
      return decoded;
    },
  };
}

function inferenceInput(column: ColumnEncoding): InferenceInput {
  return column.kind === "numeric"
    ? { name: column.name, kind: "numeric", width: column.width }
    : { name: column.name, kind: "categorical", vocabulary: column.vocabulary };
}

function encodeTensor(column: ColumnEncoding, raw: Tf.Tensor2D): Tf.Tensor2D {
  if (column.kind === "categorical") return raw;
  return tf.div(tf.sub(raw, tf.tensor1d([...column.mean])), tf.tensor1d([...column.std])) as Tf.Tensor2D;
}

function decodeTensor(encoding: ComponentEncoding, output: Tf.Tensor2D): Tf.Tensor2D {
  if (encoding.target.kind !== "standardized") return output;
  const { mean, std } = numericPart(encoding.target.encoding);
  return tf.add(tf.mul(output, tf.tensor1d([...std])), tf.tensor1d([...mean])) as Tf.Tensor2D;
}
