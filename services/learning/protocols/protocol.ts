import type * as tf from "@tensorflow/tfjs";
import type { ProtocolParameterRange } from "../../pipeline/files/protocol-catalog.ts";

/** One batch as a protocol sees it. Everything is standardized; rows are those of the batch. */
export interface ProtocolStep {
  /** Imputed upstream outputs zhat, [batch, q]; absent for a component without upstream. */
  readonly imputed?: tf.Tensor2D;
  /** The observed target y, [batch, outputs]. */
  readonly target: tf.Tensor2D;
  /** Fresh standard Gaussian numbers, [batch, q]. */
  readonly noise?: tf.Tensor2D;
  /** What the component's own previous snapshot predicts, [batch, outputs], comparable with `link(output)`. */
  readonly previous?: tf.Tensor2D;
  /** z as it would have been annotated, estimated from an audit sample, [batch, q]. */
  readonly calibrated?: tf.Tensor2D;
  /** The counterfactual output ytilde if the imputed inputs were forced to the given values, [batch, outputs]. */
  counterfactual(imputed: tf.Tensor2D): tf.Tensor2D;
  /** The network's output for the batch's own columns and the given imputed inputs. */
  output(imputed: tf.Tensor2D | undefined): tf.Tensor2D;
  /** The component's loss, mean over rows. */
  loss(output: tf.Tensor2D, target: tf.Tensor2D): tf.Scalar;
  /** From the network's output to what consumers read. */
  link(output: tf.Tensor2D): tf.Tensor2D;
}

/** What must be prepared before a protocol can train. */
export interface ProtocolNeeds {
  readonly noise: boolean;
  readonly previous: boolean;
  /** `values`: ytilde at the imputed inputs only, computed once. `function`: at other points too, in every step. */
  readonly counterfactual: "none" | "values" | "function";
  readonly calibrated: boolean;
}

/** The place of a component in its pipeline, which decides what a protocol can mean for it. */
export interface ComponentRole {
  readonly hasUpstream: boolean;
  readonly isConsumed: boolean;
}

export type ProtocolParameters = Readonly<Record<string, number | string>>;

/** How a component is trained on the predictions of others. */
export interface Protocol {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** What is minimized, in the paper's symbols. */
  readonly equation: string;
  /** When to use it, what it costs and what it gives. */
  readonly advice: string;
  readonly parameters: Readonly<Record<string, ProtocolParameterRange>>;
  /** Whether it can train anything beyond the plain loss for a component without upstream. */
  readonly requiresUpstream: boolean;
  /** Whether one component of the pipeline trains at a time, and dependants retrain after every update. */
  readonly coordinated: boolean;
  needs(parameters: ProtocolParameters, role: ComponentRole): ProtocolNeeds;
  loss(step: ProtocolStep, parameters: ProtocolParameters): tf.Scalar;
}

export const needsNothing: ProtocolNeeds = {
  noise: false,
  previous: false,
  counterfactual: "none",
  calibrated: false,
};

/** A numeric parameter, defaults filled in by the parser of team files. */
export function numberOf(parameters: ProtocolParameters, name: string): number {
  return Number(parameters[name]);
}
