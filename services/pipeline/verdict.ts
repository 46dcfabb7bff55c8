import type { InterfaceShift } from "./interface-shift.ts";
import type { SnapshotId } from "./manifest.ts";
import type { JudgedTest } from "./model-test.ts";
import type { OpenSet } from "./open-set.ts";
import type { SnapshotOrigin } from "./shared.ts";

/** A loss over the held-out rows, or null if it cannot be measured (no target, no composition). */
export type MaybeLoss = number | null;

/** Component name to serial: one snapshot for every component. */
export type Composition = Readonly<Record<string, number>>;

/** How a change of the mean loss is spread over rows. */
export interface RowHarm {
  /** Mean over all rows of how much worse the candidate is, 0 where it is not. */
  readonly harm: number;
  /** Mean over all rows of how much better the candidate is, 0 where it is not. */
  readonly gain: number;
  /** Mean difference of the 1 % of rows that change most for the worse. */
  readonly worst: number;
}

/** Rows that a classifier got right before and gets wrong now. */
export interface FlipRate {
  readonly count: number;
  /** As a share of all rows. */
  readonly rate: number;
  readonly interval: readonly [low: number, high: number];
}

/** One of several differences that are shown at once, candidate minus current; the kinds of all of them hold together. */
interface LossDifference {
  readonly kind: OpenSet<VerdictKind>;
  readonly reason?: OpenSet<InconclusiveReason>;
  readonly difference: number;
  /** The difference as a fraction of the current loss, on the same rows; null for a current loss of 0. */
  readonly relative: number | null;
  readonly interval: readonly [low: number, high: number];
  /** Confidence level of the interval: that at which this difference is tested among the others. */
  readonly level?: number;
}

/** The difference on the rows with one value of a column; the kinds of all slices hold together at the verdict's level. */
export interface SliceDifference extends LossDifference {
  readonly column: string;
  readonly value: string;
  readonly rows: number;
}

/** The difference in one of several objectives, as it is, without weight or limit; the kinds of all objectives hold together. */
export interface ObjectiveDifference extends LossDifference {
  readonly component: string;
  /** What its loss counts in the pipeline loss. */
  readonly weight: number;
  readonly currentLoss: number;
  readonly candidateLoss: number;
  readonly level: number;
  readonly negativeFlips?: FlipRate;
}

/**
 * Compares the pipeline loss of the candidate composition with that of the current one, on the same held-out rows.
 * The verdict's `method` and `level` say what its interval is. Verdicts of earlier versions have none of the optional fields.
 */
export interface PairedComparison {
  readonly current: Composition;
  readonly candidate: Composition;
  readonly currentLoss: number;
  readonly candidateLoss: number;
  /** candidateLoss - currentLoss; negative is better. */
  readonly difference: number;
  readonly interval: readonly [low: number, high: number];
  readonly kind: OpenSet<VerdictKind>;
  readonly reason?: OpenSet<InconclusiveReason>;
  /** Of an alternative: how its interval was computed and its confidence level, corrected for the number of alternatives. */
  readonly method?: string;
  readonly level?: number;
  /** The largest row loss that counts, where the pipeline file has a `loss_limit`; the losses above are limited to it. */
  readonly bound?: number;
  /** Skewness of the studentized difference. */
  readonly skewness?: number;
  /** The smallest difference that these rows would tell apart from 0 with a probability of 80 %. */
  readonly detectable?: number;
  /** The rows that would do: for such a tail with `too-few-rows`, else to tell the difference seen apart from 0. */
  readonly rowsNeeded?: number | null;
  /** Of the losses as they are, without a limit. */
  readonly harm?: RowHarm;
  /** Of the only objective; with several, each has its own. */
  readonly negativeFlips?: FlipRate;
  /** Where the pipeline file lists several objectives: each of them. The pipeline loss is their weighted sum. */
  readonly objectives?: readonly ObjectiveDifference[];
  /** One per value of the pipeline file's `slices`, without those that have a single row or group. */
  readonly slices?: readonly SliceDifference[];
  /** The slice whose harm is surest: the one whose interval begins highest. */
  readonly worstSlice?: SliceDifference;
}

/**
 * `equivalent`: the interval lies within the pipeline file's `minimum_effect`.
 * `self-defeating`: the component improved (interval of its own loss below 0), but the pipeline degraded (interval above
 *   0).
 * `inconclusive`: the interval contains 0, or the evaluation lacks something it needs. Never counts as a pass, and
 *   neither does a kind that this version does not know.
 */
export const VERDICT_KINDS = ["improved", "degraded", "equivalent", "inconclusive", "self-defeating"] as const;
export type VerdictKind = (typeof VERDICT_KINDS)[number];

/**
 * Why a verdict is inconclusive; all but `too-few-rows` have no comparison.
 * `no-current-snapshot`: the snapshot is the first usable one of its component, so it has no baseline.
 * `incomplete-pipeline`: another component required for the pipeline loss has no snapshot yet.
 * `not-finite`: with these snapshots, the composed prediction of another component overflows or is NaN.
 * `too-few-rows`: the rows, or their groups, are too few for a difference with such a tail.
 */
export const INCONCLUSIVE_REASONS = [
  "no-current-snapshot",
  "incomplete-pipeline",
  "not-finite",
  "too-few-rows",
] as const;
export type InconclusiveReason = (typeof INCONCLUSIVE_REASONS)[number];

/** How verdicts of version 1 computed intervals: percentile intervals of the paired bootstrap over held-out rows. */
export const PAIRED_BOOTSTRAP = "paired-bootstrap";
/** The confidence level of intervals. */
export const CONFIDENCE_LEVEL = 0.95;

/**
 * The consistency gap of an edge of the DAG (Modi et al. 2023, the property Consistent, as a forecast): the pipeline loss
 * with the downstream component reading the annotated output of the upstream one, minus the loss as it is composed, on
 * annotated held-out rows. Above 0: if the upstream's output became right tomorrow, the pipeline would get worse, because
 * a component downstream has learned to correct its mistakes.
 */
export interface ConsistencyGap {
  readonly upstream: string;
  readonly downstream: string;
  /** As the kind of a comparison of the loss with the annotated output and the loss as it is: `degraded` for a gap above 0. */
  readonly kind: OpenSet<VerdictKind>;
  readonly reason?: OpenSet<InconclusiveReason>;
  /** Pipeline loss on the annotated rows, as it is composed. */
  readonly currentLoss: number;
  /** Loss with the annotated output minus `currentLoss`. */
  readonly gap: number;
  /** The gap as a fraction of `currentLoss`; null for a loss of 0. */
  readonly relative: number | null;
  readonly interval: readonly [low: number, high: number];
  /** Set if the upstream predicts probabilities and the annotation is a label: its one-hot row is no propensity. */
  readonly labels?: true;
}

/** The gaps of one composition. */
export interface MeasuredGaps {
  /** Number of annotated held-out rows. */
  readonly rows: number;
  /** One per edge that the objective depends on and whose upstream output the annotation determines. */
  readonly gaps: readonly ConsistencyGap[];
}

/** The gaps of the compositions that a verdict compares, the edges in the same order. */
export interface VerdictConsistency {
  /** Number of annotated held-out rows. */
  readonly rows: number;
  /** Absent if the current composition is incomplete. */
  readonly current?: readonly ConsistencyGap[];
  readonly candidate: readonly ConsistencyGap[];
}

/**
 * The measured effect of an announced snapshot on the whole pipeline. Open like a manifest's provenance: fields that this
 * version does not know are kept as they are.
 */
export interface Verdict {
  /** Version of the format. Version 1 is read as version 2 and never written. */
  readonly version: 2;
  readonly pipeline: string;
  readonly component: string;
  readonly serial: number;
  readonly kind: OpenSet<VerdictKind>;
  readonly reason?: OpenSet<InconclusiveReason>;
  /** The component's own loss with its pinned inputs composed from the current upstream; null without a target. */
  readonly componentLoss: { readonly current: MaybeLoss; readonly candidate: MaybeLoss };
  /** Interval of the difference in the component's own loss, candidate minus current; null if unknown. */
  readonly componentInterval: readonly [low: number, high: number] | null;
  /** The announced snapshot with everything else current, against the current composition. Null with a `reason`. */
  readonly comparison: PairedComparison | null;
  /**
   * The same update judged with every other retained snapshot of each directly downstream component, everything else
   * current: its effect on the pipeline if that snapshot were in use. The kinds of
   * alternatives that have a `level` hold together at the verdict's; others are not corrected for their number.
   */
  readonly alternatives: readonly PairedComparison[];
  /** Of a component that others read, if it can be composed and has a snapshot in use. */
  readonly interfaceShift?: InterfaceShift;
  /** With `audit.held_out` in the pipeline file, if the candidate composition is complete. */
  readonly consistency?: VerdictConsistency;
  /** The tests of the snapshot's team, and those of the pipeline that its component can change. Absent: none were run. */
  readonly tests?: readonly JudgedTest[];
  /** How the intervals were computed: `bootstrap-t`, before that `paired-bootstrap`, or a name that a later version gives. */
  readonly method: string;
  /** Confidence level of the intervals, in (0, 1). */
  readonly level: number;
  /** Number of held-out rows that the losses are averaged over. */
  readonly rows: number;
  /** Number of independent groups of those rows, of the level with the fewest; absent if rows count as independent. */
  readonly groups?: number;
  /** Absent in verdicts of version 1, which do not say which rows they are about. */
  readonly heldOut?: VerdictRows;
  /** The number of the newest release when it was judged. Under a gate that enforces, its composition was current. */
  readonly release?: number;
  /** The snapshot of another pipeline that it is, as `Provenance.origin`. */
  readonly origin?: SnapshotOrigin;
  /** SHA-256 of the evaluator's pipeline file, lowercase hex; null if it is not known. */
  readonly pipelineDigest: string | null;
  /** Name of the evaluator that judged. */
  readonly evaluator: string;
  readonly seconds: number;
  readonly judgedAt: string;
}

/** The held-out rows of a verdict. */
export interface VerdictRows {
  readonly fingerprint: string;
  /** The number of their generation (`HeldOutGeneration`). Verdicts of different generations cannot be compared. */
  readonly generation: number;
  /** The place of this verdict among those on the generation, from 1; concurrent evaluators can give one twice. */
  readonly question?: number;
  /** How many the pipeline file declared the generation good for. */
  readonly horizon?: number;
}

/** The snapshots of the compositions that a verdict compares, some of them several times. */
export function comparedSnapshots({ comparison, alternatives }: Verdict): readonly SnapshotId[] {
  const compared = comparison === null ? alternatives : [comparison, ...alternatives];
  return compared
    .flatMap(({ current, candidate }) => [current, candidate])
    .flatMap((composition) => Object.entries(composition).map(([component, serial]) => ({ component, serial })));
}

/** A snapshot that the evaluator refuses to compose, with the reason. Open like a verdict. */
export interface Quarantine {
  /** Version of the format. */
  readonly version: 1;
  readonly pipeline: string;
  readonly component: string;
  readonly serial: number;
  /** A snapshot is refused for any reason, also one that this version does not know. */
  readonly reason: OpenSet<QuarantineReason>;
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
  /** It has an operator, a domain or an attribute that is not on the list of allowed ones. */
  "forbidden-operator",
  /** Two calls with the same rows differ. */
  "not-deterministic",
  /** A row's prediction depends on the other rows of its call, or on their number. */
  "not-row-wise",
  /** It exceeds the limit of time or memory. */
  "too-expensive",
  /** It was trained on rows that are held out. */
  "trained-on-held-out",
  /** It fails a test whose `on_failure` is `refuse`. */
  "failed-test",
] as const;
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number];

export interface SnapshotPair {
  readonly upstreamSerial: number;
  readonly downstreamSerial: number;
}

/**
 * A cell of L(downstream^j o upstream^i), with all other components at their current snapshots. A pair whose composed
 * prediction is not finite has no cell.
 */
export interface MatrixCell extends SnapshotPair {
  /** Pipeline loss on the held-out rows. */
  readonly loss: number;
  /** Paired difference to the cell in use; only in a matrix with intervals, and never in that cell itself. */
  readonly comparison?: CellDifference;
}

/** The difference of a cell to the cell in use; the kinds of all cells of all edges hold together. */
export interface CellDifference extends LossDifference {
  readonly level: number;
}

/** The retained serials of one edge of the DAG, with those in use, and the pipeline loss of every pair. */
export interface PipelineMatrix {
  readonly upstream: string;
  readonly downstream: string;
  readonly upstreamSerials: readonly number[];
  readonly downstreamSerials: readonly number[];
  readonly cells: readonly MatrixCell[];
  /** Of the snapshots in use; absent if it cannot be measured. */
  readonly gap?: ConsistencyGap;
  /** The pair in use; absent while one of the components has no snapshot in use. Evaluators of version 0.1.0 leave it out. */
  readonly current?: SnapshotPair;
  /** Present if intervals were asked for. */
  readonly intervals?: {
    /** How the intervals were computed. */
    readonly method: string;
    /** Confidence level at which the kinds of all cells hold together. */
    readonly level: number;
    /** Number of distinct compositions compared with the one in use, over all edges. */
    readonly compared: number;
  };
}

/** An entry of a log, such as a verdict, with its position. Positions increase and can have gaps. */
export interface Logged<T> {
  readonly position: number;
  readonly value: T;
}
