import { type SnapshotId, snapshotName } from "./manifest.ts";
import type { Composition } from "./verdict.ts";

/**
 * The ledger of a pipeline: what was in use when, and why. Its entries share one order. All are open like a verdict: fields
 * that this version does not know are kept.
 */
export type LedgerEntry = Release | Decision | Order | CandidateRun | Served | Delivered;
export type EntryKind = LedgerEntry["entry"];

interface EntryBase {
  /** Version of the format. */
  readonly version: 1;
  readonly pipeline: string;
  /** ISO 8601, by the writer's clock; informational: the ledger has the order. */
  readonly at: string;
}

export const RELEASE_KINDS = ["promote", "rollback", "pin"] as const;

/** A whole composition from one moment on. The newest release is what is in use: readers take one message. */
export interface Release extends EntryBase {
  readonly entry: "release";
  /** 1, 2, 3, ... without gaps. */
  readonly number: number;
  /** At most one snapshot of each component; components without one have none in use. */
  readonly composition: Composition;
  /** The release that it replaced: the number before; null for the first. */
  readonly previous: number | null;
  /** `pin`: a person chose it, and it stays until a person moves it. */
  readonly kind: (typeof RELEASE_KINDS)[number];
  readonly cause: ReleaseCause;
  /** Components that only a person moves: those of `pin`, until they are unpinned. */
  readonly pinned: readonly string[];
  /** SHA-256 (hex) of the gate in force (`digestOfGate`); null without a gate. */
  readonly gate: string | null;
}

/**
 * `founded`: what was in use when the ledger began. `ungated`: newest judged snapshots, without a gate. `bootstrap`: the first
 * snapshot of a component under a gate that says so. `decision`: a gate promoted it, at that position of the ledger.
 * `quarantine`: a released snapshot was quarantined.
 */
export type ReleaseCause =
  | { readonly type: "founded" | "ungated" | "bootstrap" }
  | { readonly type: "decision"; readonly position: number }
  | { readonly type: "quarantine"; readonly snapshot: SnapshotId }
  | {
      readonly type: "person";
      readonly by: string;
      readonly reason: string | null;
      /** What it overrode: a freeze, a gate's refusal, a hold, a spent horizon. */
      readonly overrides?: readonly string[];
    };

export const DECISIONS = ["promoted", "refused", "held", "void"] as const;
export type DecisionKind = (typeof DECISIONS)[number];

/** Why a gate did not promote. Read as an open set. */
export const DECISION_REASONS = [
  /** The measure is worse, beyond the margin. */
  "worse",
  /** The measure is neither shown to be good enough nor to be worse. */
  "inconclusive",
  /** Screen rows promised it, confirm rows did not show it. */
  "not-confirmed",
  /** A guard, a slice, the best recent release or the transition budget. */
  "guard",
  "slice",
  "drift",
  "transition",
  /** A loss is missing or not finite. */
  "missing",
  /** The rows have answered as many questions as the horizon allows. */
  "spent",
  /** The gate's `hold` names a component: a person promotes it. */
  "manual",
  "freeze",
  /** A test of the pipeline whose `on_failure` is `refuse`. */
  "failed-test",
  "held-by-person",
  "refused-by-person",
  "pinned",
  /** It needs a consumer that is retrained on it. */
  "needs",
  "self-defeating-after-retraining",
  /** Under `observe`. */
  "moved",
] as const;
export type DecisionReason = (typeof DECISION_REASONS)[number] | (string & {});

/** One line of a decision. Losses are relative to those of the release. */
export interface Criterion {
  /** `drift`: against the best of the last releases. `transition`: the composed loss under an audited measure. */
  readonly name: "composed" | "audited" | "transition" | "drift" | "guard" | "slice";
  /** The component of a guard, `column=value` of a slice, the number of the best release. */
  readonly subject?: string;
  /** Candidate minus release as a fraction of the release's loss, on screen rows; null if it cannot be measured. */
  readonly difference: number | null;
  /** At 95 %; null without one. */
  readonly interval: readonly [number, number] | null;
  /** What the upper end must stay below, at the gate's level, as a fraction of the release's loss; 0 for `improved`. */
  readonly margin: number;
  /** Whether screen rows promise it. */
  readonly screened: boolean;
  /** The one bit of the confirm rows; null if they were not asked. */
  readonly confirmed: boolean | null;
}

/** What a gate decided about an update or a set, against one release. */
export interface Decision extends EntryBase {
  readonly entry: "decision";
  /** What would move, component to serial. Several are a set, decided as one. */
  readonly moves: Composition;
  /** The number of the release that it was judged against. When another release follows, it is void, and made again. */
  readonly release: number;
  readonly decision: DecisionKind;
  /** None if promoted. */
  readonly reasons: readonly DecisionReason[];
  readonly criteria: readonly Criterion[];
  /** Components to retrain on it. */
  readonly needs: readonly string[];
  /** `observe`: what `enforce` would have done. */
  readonly mode: "observe" | "enforce";
  readonly gate: string;
  /** Of the held-out rows. */
  readonly generation: number;
  /** The rows that were asked, and the number of the question on them in this generation, from 1; null if none were. */
  readonly asked: { readonly part: "confirm" | "reserve"; readonly question: number } | null;
  /** In one sentence, what a reader should know beyond the criteria. */
  readonly detail?: string;
  /** The evaluator. */
  readonly by: string;
  readonly seconds: number;
}

export const ORDER_VERBS = ["refuse", "hold", "resume", "unpin", "open-reserve"] as const;

/** What a person told the gate. The newest order about a snapshot counts. */
export interface Order extends EntryBase {
  readonly entry: "order";
  /** `resume` lifts `refuse` and `hold`. `open-reserve`: questions go to the reserve rows of the generation. */
  readonly verb: (typeof ORDER_VERBS)[number];
  readonly snapshots: readonly SnapshotId[];
  /** With `open-reserve`. */
  readonly generation?: number;
  readonly by: string;
  readonly reason: string | null;
}

/** A request to train a consumer on a candidate that is not released. Trainers watch for it. */
export interface CandidateRun extends EntryBase {
  readonly entry: "candidate-run";
  /** Of the request: `m1@2:m2:1`, candidate, consumer and attempt. */
  readonly id: string;
  /** `cancelled`: superseded, or closed. */
  readonly state: "requested" | "cancelled";
  readonly candidate: SnapshotId;
  /** The component to retrain. */
  readonly consumer: string;
  /** 1, 2, 3: later attempts add this to the team's seed, less one. */
  readonly attempt: number;
  /** The number of the release that the pins come from. */
  readonly release: number;
  /** What to train on: every ancestor of the consumer. */
  readonly upstream: Composition;
  readonly why: string;
}

/** What a follower of releases serves. */
export interface Served extends EntryBase {
  readonly entry: "served";
  /** A name by `checkName`. */
  readonly follower: string;
  /** The number of the release. */
  readonly release: number;
  readonly composition: Composition;
  /** ISO 8601. */
  readonly since: string;
}

/** How far a webhook has been told what the ledger says. */
export interface Delivered extends EntryBase {
  readonly entry: "delivered";
  /** SHA-256 (hex) of its URL, which may have a secret in it. */
  readonly webhook: string;
  /** Everything that is for it up to this position of the ledger was acknowledged. */
  readonly position: number;
}

/** `m1@2,m2@3`, in the order of names: equal for equal moves. */
export function movesName(moves: Composition): string {
  return Object.entries(moves)
    .map(([component, serial]) => snapshotName({ component, serial }))
    .sort()
    .join(",");
}
