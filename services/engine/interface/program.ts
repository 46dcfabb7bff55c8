import type * as tf from "@tensorflow/tfjs";
import type { OptimizerSpec } from "../../pipeline/team.ts";

/**
 * A training step as an ordinary tfjs program, which an engine runs eagerly on a tfjs backend, or traces once and
 * compiles. Everything that varies from step to step enters by name, so that a step is a pure function of
 * (variables, optimizer state, batch, learning rate).
 */
export interface TrainingProgram {
  /** Rows per step. */
  readonly batch: number;
  /**
   * Columns that stay resident with the engine for the whole run, all float32 [rows, width]. A step sees the rows of
   * its batch, [batch, width], under the same name.
   */
  readonly resident: Readonly<Record<string, { readonly width: number }>>;
  /** Values that the caller passes for every step, such as noise, float32 [batch, width]. */
  readonly feeds: Readonly<Record<string, { readonly width: number }>>;
  /**
   * The feeds that are rows of columns too large to be resident. `auto` chooses the engine that it would choose if they
   * were, because the bits depend on it.
   */
  readonly streamed?: readonly string[];
  /** Its `learningRate` is the peak; each step receives its own rate. */
  readonly optimizer: OptimizerSpec;
  /**
   * Creates the variables on tfjs's current backend and returns the loss of a batch. Called under the engine's own
   * backend. `loss` must be a deterministic function without data-dependent reads (`dataSync`), of fixed shapes.
   */
  build(): BuiltProgram;
}

export interface BuiltProgram {
  /**
   * Trainable variables by names that are the same in every build, in a fixed order. (tfjs's own `Variable.name` is
   * unique in the process and therefore differs from build to build: never use it in a state.)
   */
  readonly variables: Readonly<Record<string, tf.Variable>>;
  /** @param batch resident columns and feeds by name @returns a scalar */
  loss(batch: Readonly<Record<string, tf.Tensor2D>>): tf.Scalar;
  dispose(): void;
}

/** Values of one named tensor of the training state. */
export interface StateTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * Everything that a step changes. All engines use the same names, so that each can read the checkpoints of the others: `variable/<name>`, and `optimiser/<slot>/<name>` or `optimiser/<slot>` for scalars such as Adam's beta powers.
 */
export type TrainingState = Readonly<Record<string, StateTensor>>;

/** A contiguous run of steps, short enough (tens of milliseconds) that progress and cancellation stay live. */
export interface Chunk {
  readonly steps: number;
  /** Resident row numbers, [steps * batch]. */
  readonly indices: Int32Array;
  /** [steps]. */
  readonly learningRates: Float32Array;
  /** Name to [steps * batch * width]. Those that are `streamed` may be in shared memory. */
  readonly feeds: Readonly<Record<string, Float32Array>>;
}
