import type * as tf from "@tensorflow/tfjs";

/**
 * One raw input of a snapshot's graph. A numeric one is float32 [rows, width]. A categorical one is strings [rows, 1]
 * in the ONNX graph and reaches `predict` as its one-hot encoding, float32 [rows, vocabulary.length]; a string outside
 * the vocabulary becomes a row of zeros.
 */
export type InferenceInput =
  | { readonly name: string; readonly kind: "numeric"; readonly width: number }
  | { readonly name: string; readonly kind: "categorical"; readonly vocabulary: readonly string[] };

/** A trained model as a tfjs function of raw inputs, to be compiled into the ONNX graph of a snapshot. */
export interface InferenceProgram {
  readonly inputs: readonly InferenceInput[];
  readonly output: { readonly name: string; readonly width: number };
  /**
   * Pure in its inputs; the weights are constants, created on tfjs's current backend.
   *
   * @returns float32 [rows, output.width] in raw units
   */
  predict(inputs: Readonly<Record<string, tf.Tensor2D>>): tf.Tensor2D;
}
