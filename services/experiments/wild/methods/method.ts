import { protocolSpec } from "../../../learning/protocols/protocol-spec.ts";
import type { SnapshotModel } from "../../../learning/snapshot/snapshot-model.ts";
import type { ProtocolSpec } from "../../../pipeline/team.ts";
import type { Lab, Models, Recipe } from "../../lab/lab.ts";

/** One component to train on the predictions of its upstream models. */
export interface Assignment {
  readonly lab: Lab;
  readonly component: string;
  /** A model of every ancestor. */
  readonly upstream: Models;
  /** The model and the steps that every method gets. */
  readonly recipe: Pick<Recipe, "model" | "steps">;
  /** Training rows in which the true values of the direct upstream are annotated. Using them costs annotations. */
  readonly audit: NonNullable<Recipe["audit"]>;
}

/** A way to train components that read the predictions of others. */
export interface Method {
  /** A protocol, or a protocol with its counterfactual source: `causal:pooled`. */
  readonly name: string;
  /** One line, for people. */
  readonly summary: string;
  /** Whether it uses the audited rows. */
  readonly audited: boolean;
  /** Whether everything downstream trains again after an upstream update. */
  readonly retrains: boolean;
  /** @throws UncoupleError `failed-precondition` where the method cannot work on this pipeline */
  train(assignment: Assignment): Promise<SnapshotModel>;
}

/** A method that is one of the training protocols, with default parameters except for the given ones. */
export function byProtocol(
  name: string,
  parameters: ProtocolSpec["parameters"],
  details: Omit<Method, "train">,
): Method {
  return {
    ...details,
    train: ({ lab, component, upstream, recipe, audit }) =>
      lab.train(
        component,
        { ...recipe, protocol: protocolSpec(name, parameters), ...(details.audited && { audit }) },
        upstream,
      ),
  };
}
