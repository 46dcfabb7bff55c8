import * as tf from "@tensorflow/tfjs";
import { createRandom } from "../../services/data/random/random.ts";
import type { Column, Table } from "../../services/data/table/table.ts";
import { compileInference } from "../../services/engine/compiler/inference.ts";
import type { ModelContract, TensorSpec } from "../../services/pipeline/manifest.ts";
import type { PipelineShape } from "../../services/serving/pipeline-shape.ts";

/** Three components that share a categorical column and read each other. */
export const colorShape: PipelineShape = {
  name: "colors",
  components: [
    { name: "class", upstream: [], output: "p" },
    { name: "price", upstream: ["class"], output: "y" },
    { name: "rank", upstream: ["class", "price"], output: "score" },
  ],
};

const COLORS = ["red", "green", "blue"];
const text: TensorSpec = { name: "color", kind: "categorical", width: 1 };
const numbers = (name: string, width: number): TensorSpec => ({ name, kind: "numeric", width });

export const colorContracts: Readonly<Record<string, ModelContract>> = {
  class: { inputs: [text, numbers("x", 4)], output: numbers("p", 3) },
  price: { inputs: [text, numbers("p", 3)], output: numbers("y", 1) },
  rank: { inputs: [numbers("x", 4), numbers("p", 3), numbers("y", 1)], output: numbers("score", 2) },
};

/** A network with a softmax, as Uncouple's compiler writes it; every seed has other weights. */
export function networkBytes({ inputs, output }: ModelContract, seed: number): Uint8Array {
  return compileInference({
    inputs: inputs.map(({ name, kind, width }) =>
      kind === "numeric" ? { name, kind, width } : { name, kind, vocabulary: COLORS },
    ),
    output: { name: output.name, width: output.width },
    predict(read) {
      // Called more than once.
      const random = createRandom(seed, "network");
      const weights = (rows: number, columns: number) => {
        const values = Float32Array.from({ length: rows * columns }, () => random.gaussian());
        return tf.tensor2d(values, [rows, columns]);
      };
      const wide = tf.concat2d(Object.values(read), 1);
      const hidden = tf.tanh(tf.matMul(wide, weights(wide.shape[1], 8)));
      const values = tf.matMul(hidden, weights(8, output.width)) as tf.Tensor2D;
      return output.width > 1 ? (tf.softmax(values) as tf.Tensor2D) : values;
    },
  }).bytes;
}

/** Rows with a color that no model knows among them. */
export function colorRows(rows: number): Table {
  const random = createRandom(1, "rows");
  const dictionary = [...COLORS, "mauve"];
  const color: Column = {
    kind: "categorical",
    width: 1,
    dictionary,
    codes: Int32Array.from({ length: rows }, (_, row) => row % dictionary.length),
  };
  const x: Column = {
    kind: "numeric",
    width: 4,
    values: Float32Array.from({ length: rows * 4 }, () => random.gaussian()),
  };
  return { rows, columns: { color, x } };
}
