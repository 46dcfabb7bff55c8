/** A loss over the held-out rows, or null if it cannot be measured (no target, no composition). */
export type MaybeLoss = number | null;

/** Component name to serial: one snapshot for every component. */
export type Composition = Readonly<Record<string, number>>;

/**
 * Compares the pipeline loss of the candidate composition with that of the current one, on the same held-out rows.
 * Intervals are 95 % percentile intervals of the paired bootstrap over rows.
 */
export interface PairedComparison {
  readonly current: Composition;
  readonly candidate: Composition;
  readonly currentLoss: number;
  readonly candidateLoss: number;
  /** candidateLoss - currentLoss; negative is better. */
  readonly difference: number;
  readonly interval: readonly [low: number, high: number];
  readonly kind: VerdictKind;
}

/**
 * `self-defeating`: the component improved (interval of its own loss below 0), but the pipeline degraded (interval above
 *   0).
 * `inconclusive`: the interval contains 0, or the evaluation lacks something it needs. Never counts as a pass.
 */
export const VERDICT_KINDS = ["improved", "degraded", "inconclusive", "self-defeating"] as const;
export type VerdictKind = (typeof VERDICT_KINDS)[number];

/**
 * Why a verdict is inconclusive without a comparison.
 * `no-current-snapshot`: the snapshot is the first usable one of its component, so it has no baseline.
 * `incomplete-pipeline`: another component required for the pipeline loss has no snapshot yet.
 * `not-finite`: with these snapshots, the composed prediction of another component overflows or is NaN.
 */
export const INCONCLUSIVE_REASONS = ["no-current-snapshot", "incomplete-pipeline", "not-finite"] as const;
export type InconclusiveReason = (typeof INCONCLUSIVE_REASONS)[number];

/** The measured effect of an announced snapshot on the whole pipeline. */
export interface Verdict {
  readonly version: 1;
  readonly pipeline: string;
  readonly component: string;
  readonly serial: number;
  readonly kind: VerdictKind;
  readonly reason?: InconclusiveReason;
  /** The component's own loss with its pinned inputs composed from the current upstream; null without a target. */
  readonly componentLoss: { readonly current: MaybeLoss; readonly candidate: MaybeLoss };
  /** 95 % interval of the difference in the component's own loss, candidate minus current; null if unknown. */
  readonly componentInterval: readonly [low: number, high: number] | null;
  /** The announced snapshot with everything else current, against the current composition. Null with a `reason`. */
  readonly comparison: PairedComparison | null;
  /**
   * The same update judged with every other retained snapshot of each directly downstream component, everything else
   * current: its effect on the pipeline if that snapshot were in use.
   */
  readonly alternatives: readonly PairedComparison[];
  /** Number of held-out rows that the losses are averaged over. */
  readonly rows: number;
  /** Name of the evaluator that judged. */
  readonly evaluator: string;
  readonly seconds: number;
  readonly judgedAt: string;
}

/** A snapshot that the evaluator refuses to compose, with the reason. */
export interface Quarantine {
  readonly version: 1;
  readonly pipeline: string;
  readonly component: string;
  readonly serial: number;
  readonly reason: QuarantineReason;
  /** A sentence that says what was found and where. */
  readonly detail: string;
  readonly evaluator: string;
  readonly judgedAt: string;
}

export const QUARANTINE_REASONS = [
  "malformed-model",
  "oversized",
  "digest-mismatch",
  "wrong-inputs",
  "wrong-output",
  "not-finite",
  "not-probabilities",
  /** The evaluation kept failing without an external cause (a bug, or a model that crashes the process). */
  "evaluation-failed",
] as const;
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number];

/**
 * A cell of L(downstream^j o upstream^i), with all other components at their current snapshots. A pair whose composed
 * prediction is not finite has no cell.
 */
export interface MatrixCell {
  readonly upstreamSerial: number;
  readonly downstreamSerial: number;
  /** Pipeline loss on the held-out rows. */
  readonly loss: number;
}

/** The retained serials of one edge of the DAG and the pipeline loss of every pair. */
export interface PipelineMatrix {
  readonly upstream: string;
  readonly downstream: string;
  readonly upstreamSerials: readonly number[];
  readonly downstreamSerials: readonly number[];
  readonly cells: readonly MatrixCell[];
}

/** An entry of a log, such as a verdict, with its position. Positions increase and can have gaps. */
export interface Logged<T> {
  readonly position: number;
  readonly value: T;
}
