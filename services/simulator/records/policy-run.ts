import type { Composition } from "../../pipeline/verdict.ts";
import type { LossChanges } from "../../verdicts/alignment.ts";

/** What became of a snapshot. `superseded`: a newer one of its component came into use before it did, or its team was split. */
export const FATES = ["deployed", "rejected", "held", "superseded"] as const;
export type Fate = (typeof FATES)[number];

/**
 * Why a snapshot was trained: its team wished it (`wish`), the release train forced it (`forced`), a gate asked for it on a
 * candidate (`candidate`), or it is the first one of a team that a split made (`split`).
 */
export type TrainingCause = "wish" | "forced" | "candidate" | "split";

/** The verdict on a snapshot, in short. Losses are normalized. */
export interface VerdictRecord {
  readonly kind: string;
  /** Pipeline loss with the snapshot, less that without it; null if it was not compared. */
  readonly difference: number | null;
  /** Whether the component's own loss improved. */
  readonly ownImproved: boolean;
  /** What it changed, not normalized; null if it was not compared. */
  readonly changes: LossChanges | null;
}

/** One trained snapshot, from its training to its end. */
export interface SnapshotRecord {
  readonly component: string;
  readonly serial: number;
  readonly cause: TrainingCause;
  readonly isBad: boolean;
  readonly startedAt: number;
  /** When it was trained and ready to be deployed. */
  readonly readyAt: number;
  readonly steps: number;
  /** SHA-256 of its model. */
  readonly digest: string;
  /** The serials of the direct upstream that it was trained on, by the names of then. */
  readonly pins: Composition;
  /** Mean over what it reads of the ticks since the pinned snapshot was replaced, when it was ready; 0 if it is in use. */
  readonly staleness: number;
  /** Null if it was superseded before it was ready. */
  readonly verdict: VerdictRecord | null;
  readonly fate: Fate;
  /** When that was settled; the end of the simulation for one that is held. */
  readonly settledAt: number;
}

/** A wish to train, and what came of it. */
export interface WishRecord {
  readonly team: string;
  readonly at: number;
  /** Null: not before the end, of the simulation or of the team. */
  readonly startedAt: number | null;
  /** The snapshot that it led to, with all other wishes that waited at the same time. */
  readonly serial: number | null;
  /** Ticks from the wish until the snapshot was settled, or to the end of the simulation or of the team, that were neither training nor deployment. */
  readonly waited: number;
}

/** What is in use from a time on. Losses are normalized: 0 is the irreducible loss, 100 that of the start. */
export interface LossRecord {
  readonly at: number;
  readonly loss: number;
  /** What moved; nothing if the data changed. */
  readonly moves: Composition;
}

export interface GapRecord {
  readonly upstream: string;
  readonly downstream: string;
  /** What true upstream outputs would change the pipeline loss by, both without the noise of targets; normalized. */
  readonly gap: number;
  /** The same with observed targets, as an evaluator measures it; normalized. */
  readonly observed: number;
}

/** One policy on one seed. */
export interface PolicyRun {
  readonly policy: string;
  readonly seed: number;
  /** Mean pipeline losses that count as 0 and as 100. */
  readonly irreducible: number;
  readonly unit: number;
  /** In order of time; the first is that of the initial snapshots, at 0. */
  readonly losses: readonly LossRecord[];
  readonly snapshots: readonly SnapshotRecord[];
  readonly wishes: readonly WishRecord[];
  /** Of what is in use at the end. */
  readonly gaps: readonly GapRecord[];
}
