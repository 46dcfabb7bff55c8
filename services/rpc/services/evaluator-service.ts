import type { Composition, Logged, PipelineMatrix, Quarantine, Verdict } from "../../pipeline/verdict.ts";

/** `starting`: held-out data or connections are not there yet. */
export type EvaluatorState = "starting" | "idle" | "evaluating" | "stopping";

export interface EvaluatorStatus {
  readonly pipeline: string;
  /** This process among those that share the work. */
  readonly evaluator: string;
  readonly state: EvaluatorState;
  /** Announcements that no evaluator has finished. */
  readonly pending: number;
  /** Held-out rows that losses are means over. */
  readonly rows: number;
  /** The snapshot in use of every component that has one. */
  readonly current: Composition;
  /** The pipeline loss of `current` on the held-out rows; null while it is incomplete. */
  readonly loss: number | null;
}

/** What an evaluator offers over gRPC; the client offers the same interface. */
export interface EvaluatorService {
  /** Oldest first. */
  listVerdicts(): Promise<readonly Verdict[]>;
  /**
   * Verdicts from a position on (0: all there ever were), then as they are published, until the signal aborts.
   * @throws UncoupleError `unavailable` when the evaluator stops first
   */
  watchVerdicts(from: number, signal: AbortSignal): AsyncIterable<Logged<Verdict>>;
  /** One for each edge of the DAG. */
  matrix(): Promise<readonly PipelineMatrix[]>;
  /** Oldest first. */
  listQuarantines(): Promise<readonly Quarantine[]>;
  status(): Promise<EvaluatorStatus>;
}
