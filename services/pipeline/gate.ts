import { createHash } from "node:crypto";

/** Which updates are promoted: `gate` of the pipeline file. */
export interface GatePolicy {
  /** `observe`: the newest snapshots are in use, as without a gate, and decisions say what `enforce` would have done. */
  readonly mode: "observe" | "enforce";
  /** Whether the measure must be shown to improve, or only not to get worse by the margin. */
  readonly require: "improved" | "non-inferior";
  /**
   * `composed`: the pipeline loss. `audited`: the pipeline loss with annotated upstream outputs for the components that move;
   * the composed one stays within `transitionBudget`. `both`: the composed one as required, and the audited one not inferior.
   */
  readonly measure: "composed" | "audited" | "both";
  /** Non-inferiority margin, as a fraction of the release's loss, in [0, 1). */
  readonly margin: number;
  /** Questions that the confirm rows of one generation answer, and those of the reserve; at least 1. */
  readonly horizon: number;
  /** How much the composed loss may rise under `audited`, as a fraction; at least 0. */
  readonly transitionBudget: number;
  /** Other components' own losses: component to margin. */
  readonly guards: Readonly<Record<string, number>>;
  /** Slice columns none of whose values may be degraded. */
  readonly slices: readonly string[];
  /** Components that a person promotes, whatever is measured. */
  readonly hold: readonly string[];
  /** Shares of the held-out rows: screen, confirm, reserve. They add up to 1. */
  readonly split: PartShares;
  /** Who makes the first release of a component. */
  readonly bootstrap: "person" | "newest";
}

/** Parts of the held-out rows, in the order of their shares. */
export const PARTS = ["screen", "confirm", "reserve"] as const;
export type PartName = (typeof PARTS)[number];
export type PartShares = readonly [screen: number, confirm: number, reserve: number];

/** What a gate's keys default to; `transitionBudget` defaults to the margin. */
export const DEFAULT_GATE: GatePolicy = {
  mode: "observe",
  require: "improved",
  measure: "composed",
  margin: 0.01,
  horizon: 200,
  transitionBudget: 0.01,
  guards: {},
  slices: [],
  hold: [],
  split: [0.5, 0.3, 0.2],
  bootstrap: "person",
};

/** Chance of a false promotion over the whole horizon. */
export const GATE_ALPHA = 0.05;
/** Updates may not be inferior to the best of so many releases. */
export const DRIFT_RELEASES = 10;

/** SHA-256 (hex) of a gate's policy. */
export function digestOfGate(gate: GatePolicy): string {
  const sorted = (value: unknown): unknown =>
    typeof value !== "object" || value === null || Array.isArray(value)
      ? value
      : Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, one]) => [key, sorted(one)]),
        );
  return createHash("sha256")
    .update(JSON.stringify(sorted(gate)))
    .digest("hex");
}

export const MINUTES_A_WEEK = 7 * 24 * 60;

/** A time in which nothing is promoted without an override: `freeze` of the pipeline file. All times are UTC. */
export type FreezeWindow = {
  readonly reason: string | null;
} /** ISO 8601; `to` is exclusive. */ & (
  | { readonly from: string; readonly to: string }
  /** Every week, minutes since Monday 00:00 UTC; `toMinute` below `fromMinute` spans the turn of the week. */
  | { readonly fromMinute: number; readonly toMinute: number }
);

/** Who is told of what a gate does: `webhooks` of the pipeline file. */
export interface Webhook {
  readonly url: string;
  readonly on: readonly WebhookEvent[];
  /** File with the key of the HMAC, relative to the pipeline file. */
  readonly secretFile: string;
}

export const WEBHOOK_EVENTS = ["promoted", "refused", "held", "released", "rolled-back", "spent"] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];
