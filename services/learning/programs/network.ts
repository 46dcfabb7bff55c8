import type * as tf from "@tensorflow/tfjs";

/** A model and its trainable variables, on one tfjs backend. */
export interface Network {
  /** By name. Names and order are the same in every build. */
  readonly variables: Readonly<Record<string, tf.Variable>>;
  /**
   * @param inputs encoded inputs, float32 [rows, inputs]
   * @returns [rows, outputs]: standardized values for real outputs, logits for probabilities
   */
  apply(inputs: tf.Tensor2D): tf.Tensor2D;
  /** The model's own addition to the loss: its regularizers. */
  penalty?(): tf.Scalar;
  dispose(): void;
}

/** Builds the network on tfjs's current backend, with the same initial values every time. */
export type NetworkBuilder = () => Network;

export interface NetworkShape {
  /** Width of the encoded inputs. */
  readonly inputs: number;
  /** Width of the output. */
  readonly outputs: number;
  readonly seed: number;
}
