import type { Run } from "./run.ts";
import type { ScheduleSpec } from "./team.ts";

/** Most points of a loss curve, besides its last. */
export const CURVE_POINTS = 500;

/** The loss of a training over its steps, at evenly spaced ones. A function of the training, not of its interruptions. */
export interface LossCurve {
  /** Steps from one point to the next; the last one, after the last step, may be closer. */
  readonly every: number;
  /** Steps whose mean loss a point is. */
  readonly window: number;
  readonly points: readonly CurvePoint[];
}

export interface CurvePoint {
  /** Steps done. */
  readonly step: number;
  /** Mean training loss over the last steps before it, on standardized outputs. */
  readonly loss: number;
  /** Of the last of them. */
  readonly learningRate: number;
}

/** How a model that was just trained does on a sample of its training rows, with upstream outputs as in the training. */
export interface FitSummary {
  /** Rows of the sample, those with the smallest hashes. */
  readonly rows: number;
  /** Mean of the component's own loss over them. */
  readonly loss: number;
  /** Of the first coordinates; none for `policy`. */
  readonly outputs: readonly OutputFit[];
  /** The loss by values of the columns that the component reads. */
  readonly slices: readonly SliceLoss[];
  /** The rows with the largest losses, the largest first. */
  readonly worst: readonly WorstRow[];
}

/** One coordinate of an output beside its target. */
export interface OutputFit {
  /** The class, the output, or the output with the place of the coordinate: `z[2]`. */
  readonly name: string;
  /** Rows with similar predictions, ascending: equally many each, but equal predictions are in one. */
  readonly groups: readonly FitGroup[];
  /** Mean over rows of the distance between the two means of their group; of probabilities, the expected calibration error. */
  readonly calibrationError: number;
  /** Of real outputs. */
  readonly residuals?: ResidualSummary;
}

export interface FitGroup {
  readonly rows: number;
  /** Means of the predictions and of the targets; of a class, its predicted and its actual frequency. */
  readonly predicted: number;
  readonly actual: number;
}

/** Prediction minus target, in units of the output. */
export interface ResidualSummary {
  readonly mean: number;
  readonly standardDeviation: number;
  /** At 1, 5, 25, 50, 75, 95 and 99 %. */
  readonly quantiles: readonly number[];
  /** Bounds of the bins, ascending; rows beyond them are in the first and the last bin. */
  readonly edges: readonly number[];
  /** Share of rows in each bin, one fewer than `edges`. */
  readonly shares: readonly number[];
}

/** The loss on the rows with one value of a column, or between two. */
export interface SliceLoss {
  readonly column: string;
  /** The value, or `1.5 to 3` of numbers: the lower end inclusive, the upper one only in the last. */
  readonly value: string;
  readonly rows: number;
  readonly loss: number;
  /** Of the loss. */
  readonly standardError: number;
}

export interface WorstRow {
  /** The salted hash of its key, the key with `data.expose_keys`, or its place in the sample. */
  readonly row: string;
  readonly loss: number;
  /** Of the first coordinates; of the true class and the most probable one, their names with probabilities. */
  readonly predicted: string;
  readonly actual: string;
}

/** What determines a training, of the team file. */
export interface TrainingSettings {
  readonly optimizer: { readonly name: string; readonly learningRate: number };
  readonly schedule: ScheduleSpec;
  readonly batch: number;
  readonly steps: number;
  readonly stopAfter?: number;
  readonly seed: number;
  /** As the team file has it; absent: all training rows. */
  readonly sample?: Readonly<Record<string, unknown>>;
}

/** What a trainer knows about a run, beside its snapshot. */
export interface RunReport {
  readonly run: Run;
  readonly settings: TrainingSettings;
  /** Null before the first checkpoint or the end of the training, and of runs of earlier versions. */
  readonly curve: LossCurve | null;
  /** Null before the end of the training, if it could not be measured, and of runs of earlier versions. */
  readonly fit: FitSummary | null;
}
