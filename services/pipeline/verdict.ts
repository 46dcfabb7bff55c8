/** A loss over the held-out rows, or null where it cannot be known (no target, no composition). */
export type MaybeLoss = number | null;

/** Component name to serial: one choice of a snapshot for every component. */
export type Composition = Readonly<Record<string, number>>;

/**
 * The pipeline loss of the candidate composition against that of the current one, on the same held-out rows.
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
 * `self-defeating`: the component improved (its own loss, interval below 0) and the pipeline degraded (interval above 0).
 * `inconclusive`: the interval contains 0, or something that the judgement needs is missing: never a pass.
 */
export const VERDICT_KINDS = ["improved", "degraded", "inconclusive", "self-defeating"] as const;
export type VerdictKind = (typeof VERDICT_KINDS)[number];

/**
 * Why a verdict is inconclusive without a comparison.
 * `no-current-snapshot`: it is the first usable one of its component, there is nothing to compare with.
 * `incomplete-pipeline`: another component that the pipeline loss needs has no snapshot yet.
 * `not-finite`: with these snapshots the composed prediction of another component overflows or is NaN.
 */
export const INCONCLUSIVE_REASONS = ["no-current-snapshot", "incomplete-pipeline", "not-finite"] as const;
export type InconclusiveReason = (typeof INCONCLUSIVE_REASONS)[number];

/** What one announced snapshot does to the whole pipeline. */
export interface Verdict {
  readonly version: 1;
  readonly pipeline: string;
  readonly component: string;
  readonly serial: number;
  readonly kind: VerdictKind;
  readonly reason?: InconclusiveReason;
  /** The component's own loss with its pinned inputs composed from the current upstream; null without a target. */
  readonly componentLoss: { readonly current: MaybeLoss; readonly candidate: MaybeLoss };
  /** 95 % interval of the difference of the component's own loss, candidate minus current; null where unknown. */
  readonly componentInterval: readonly [low: number, high: number] | null;
  /** The announced snapshot with the current others, against the current composition. Null with a `reason`. */
  readonly comparison: PairedComparison | null;
  /**
   * The same update judged under every other retained snapshot of each component directly downstream of it, all else
   * current: what it would do to the pipeline had that snapshot been in use.
   */
  readonly alternatives: readonly PairedComparison[];
  /** Held-out rows that the losses are means over. */
  readonly rows: number;
  /** Which evaluator process judged. */
  readonly evaluator: string;
  readonly seconds: number;
  readonly judgedAt: string;
}

/** A snapshot that the evaluator refuses to compose, and why. */
export interface Quarantine {
  readonly version: 1;
  readonly pipeline: string;
  readonly component: string;
  readonly serial: number;
  readonly reason: QuarantineReason;
  /** One sentence for people: what was found where. */
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
  /** The evaluation itself failed again and again for no cause outside (a defect, or a model that ends the process). */
  "evaluation-failed",
] as const;
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number];

/**
 * One cell of L(downstream^j o upstream^i), all other components at their current snapshot. A pair whose composed
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

/** A verdict or the like at its place in the log of all; positions grow, with gaps allowed. */
export interface Logged<T> {
  readonly position: number;
  readonly value: T;
}
