import type { GatePolicy } from "../../pipeline/gate.ts";
import type { ProtocolSpec } from "../../pipeline/team.ts";

/** What a policy knows of a team when it says how the team trains. */
export interface TeamRole {
  readonly readsOthers: boolean;
  /** The team's place in a random order of all teams, in [0, 1). */
  readonly rank: number;
}

export interface TrainingChoice {
  readonly protocol: ProtocolSpec;
  /** Training rows whose upstream targets are annotated; without them, a protocol that needs an oracle has one. */
  readonly audited?: number;
}

/**
 * How snapshots get into use. `train`: all that wish to train and all that depend on them train one after another, once a
 * tick, and are released as one. `each`: every snapshot by itself, unless its verdict rejects it. `gate`: by an enforced gate.
 */
export type ReleaseStyle =
  | { readonly by: "train" }
  | { readonly by: "each"; readonly rejects: boolean }
  | {
      readonly by: "gate";
      /** What the policy changes in the gate of the scenario. */
      readonly changes: Partial<GatePolicy>;
      /** Whether snapshots that are no good alone are searched for sets that are good together. */
      readonly sets: boolean;
      /** Whether consumers train on candidates that are held for them. */
      readonly cotrains: boolean;
    };

/** How an organization trains and releases. */
export interface Policy {
  /** As scenario files write it, with its argument. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  readonly release: ReleaseStyle;
  training(role: TeamRole): TrainingChoice;
}

/** A policy by its name, and by the argument that follows a colon, if it takes one. */
export interface PolicyKind {
  readonly name: string;
  /** `causal-audit:N`: what the argument is, for messages. */
  readonly argument?: {
    readonly name: string;
    readonly expected: string;
    isValid(value: number): boolean;
  };
  /** @param argument a valid one, if it takes one; else NaN */
  create(argument: number): Omit<Policy, "name">;
}
