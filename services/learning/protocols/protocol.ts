import type * as tf from "@tensorflow/tfjs";
import type { ProtocolParameterRange } from "../../pipeline/files/protocol-catalog.ts";

/** One batch as a protocol sees it. All values are in training space; row r of every tensor is the same example. */
export interface ProtocolStep {
  /** tfjs. Protocols do not import it: services know them all, and load it when they train. */
  readonly tf: typeof tf;
  /** Imputed upstream outputs zhat, [batch, q]; absent if the component has no upstream. */
  readonly imputed?: tf.Tensor2D;
  /** The observed target y, [batch, outputs]. */
  readonly target: tf.Tensor2D;
  /** Standard Gaussian noise, drawn anew in every step, [batch, q]. */
  readonly noise?: tf.Tensor2D;
  /** Predictions of the component's previous snapshot, [batch, outputs], comparable with `link(output)`. */
  readonly previous?: tf.Tensor2D;
  /** The annotated z, estimated from an audit sample, [batch, q]. */
  readonly calibrated?: tf.Tensor2D;
  /** The counterfactual output ytilde if the imputed inputs were forced to the given values, [batch, outputs]. */
  counterfactual(imputed: tf.Tensor2D): tf.Tensor2D;
  /** The network's output for the batch's own columns and the given imputed inputs. */
  output(imputed: tf.Tensor2D | undefined): tf.Tensor2D;
  /** The component's loss; mean over rows. */
  loss(output: tf.Tensor2D, target: tf.Tensor2D): tf.Scalar;
  /** Maps the network's output to what consumers read. */
  link(output: tf.Tensor2D): tf.Tensor2D;
}

/** The inputs that a protocol needs prepared before training. */
export interface ProtocolNeeds {
  readonly noise: boolean;
  readonly previous: boolean;
  /** `values`: ytilde at the imputed inputs only, computed once. `function`: also at other points, in every step. */
  readonly counterfactual: "none" | "values" | "function";
  readonly calibrated: boolean;
}

/** The position of a component in its pipeline, which determines the parts of a protocol that apply to it. */
export interface ComponentRole {
  readonly hasUpstream: boolean;
  readonly isConsumed: boolean;
}

export type ProtocolParameters = Readonly<Record<string, number | string>>;

/** How a component trains on the predictions of its upstream. */
export interface Protocol {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** The objective, in the paper's symbols. */
  readonly equation: string;
  /** When to use it, its costs and its benefits. */
  readonly advice: string;
  readonly parameters: Readonly<Record<string, ProtocolParameterRange>>;
  /** Whether it applies only to components with upstream. */
  readonly requiresUpstream: boolean;
  /** Whether only one component of the pipeline trains at a time, and dependents retrain after every update. */
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

/** A numeric parameter. The team-file parser has filled in defaults. */
export function numberOf(parameters: ProtocolParameters, name: string): number {
  return Number(parameters[name]);
}
