import type { GatePolicy } from "../../pipeline/gate.ts";
import type { SnapshotId, UnreadableSnapshot } from "../../pipeline/manifest.ts";
import type { OpenSet } from "../../pipeline/open-set.ts";
import type { DecisionReason } from "../../pipeline/release.ts";
import type {
  Composition,
  ConsistencyGap,
  Logged,
  PipelineMatrix,
  Quarantine,
  Verdict,
} from "../../pipeline/verdict.ts";
import type { Page } from "./pages.ts";

/** `starting`: waiting for held-out data or connections. */
export type EvaluatorState = "starting" | "idle" | "evaluating" | "stopping";

export interface EvaluatorStatus {
  readonly pipeline: string;
  /** Name of this evaluator among those that share the work. */
  readonly evaluator: string;
  readonly state: EvaluatorState;
  /** Announcements that no evaluator has finished yet. */
  readonly pending: number;
  /** Number of held-out rows, over which losses are averaged. */
  readonly rows: number;
  /** The snapshot in use, for each component that has one. */
  readonly current: Composition;
  /** Pipeline loss of `current` on the held-out rows; null while the composition is incomplete. */
  readonly loss: number | null;
  /** The consistency gaps of `current`; none without `audit.held_out`, or from an older evaluator. */
  readonly gaps: readonly ConsistencyGap[];
  /** Announcements that this evaluator cannot read. */
  readonly unreadable: readonly UnreadableSnapshot[];
  /** Of this evaluator's pipeline file; null: an older evaluator, which does not say. */
  readonly pipelineDigest: string | null;
  /** Of the pipeline file in force; null: none was applied. With another one than its own, the evaluator is not ready. */
  readonly appliedDigest: string | null;
  /** Of Uncouple, that this evaluator runs; null: an older evaluator, which does not say. */
  readonly version: string | null;
  /** null: an evaluator that has not found its generation yet, or an older one. */
  readonly heldOut: HeldOutStatus | null;
  /** Number of the newest release, whose composition is in use; null: there is none yet, or an older evaluator. */
  readonly release: number | null;
  /** null: the pipeline file has no gate, or an older evaluator. */
  readonly gate: GateStatus | null;
}

/** What the gate of the pipeline file does now. */
export interface GateStatus {
  /** Read as an open set. */
  readonly mode: OpenSet<GatePolicy["mode"]>;
  /** Questions that it may still ask; null: an evaluator that has not found its generation yet. */
  readonly questionsLeft: number | null;
  /** In the order of announcement. */
  readonly held: readonly HeldCandidate[];
}

/** A snapshot that is newer than the one in use, and that the gate holds. */
export interface HeldCandidate {
  readonly snapshot: SnapshotId;
  readonly reasons: readonly DecisionReason[];
  /** Components to retrain on it. */
  readonly needs: readonly string[];
  /** When it was first held, in ISO 8601. */
  readonly since: string;
}

/** The generation of held-out rows in use. */
export interface HeldOutStatus {
  /** Its number, from 1. */
  readonly generation: number;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Verdicts given on its rows. */
  readonly questions: number;
  /** How many the pipeline file declares them good for; null: it does not say. */
  readonly horizon: number | null;
}

export interface MatrixOptions {
  /** Also compare every cell with the one in use. Evaluators of version 0.1.0 ignore it. */
  readonly intervals?: boolean;
}

/** The evaluator's gRPC interface, on server and client. */
export interface EvaluatorService {
  /** Returns a page of entries, oldest first. */
  listVerdicts(page: Page): Promise<readonly Logged<Verdict>[]>;
  /**
   * Yields verdicts from a position on (0: from the first), then new ones, until the signal aborts.
   * @throws UncoupleError `unavailable` if the evaluator stops first
   */
  watchVerdicts(from: number, signal: AbortSignal): AsyncIterable<Logged<Verdict>>;
  /** Returns one matrix per edge of the DAG. */
  matrix(options?: MatrixOptions): Promise<readonly PipelineMatrix[]>;
  /** Returns a page of entries, oldest first. */
  listQuarantines(page: Page): Promise<readonly Logged<Quarantine>[]>;
  status(): Promise<EvaluatorStatus>;
}
