import { square } from "../../common/elementary.ts";
import { gaussianQuantile } from "../../common/gaussian-quantile.ts";
import { mean } from "../../common/statistics.ts";
import { unitsNeeded } from "./floor.ts";
import { type Interval, pairedInterval, samplePaired } from "./paired-interval.ts";
import type { Grouping, SampleMoments } from "./sample.ts";
import type { DrawShared } from "./shared-weights.ts";

/**
 * What an interval of a loss difference (candidate minus current) says.
 * `equivalent`: all of it lies within the declared smallest effect that matters.
 * `improved`, `degraded`: all of it lies below 0, or above.
 * `inconclusive`: none of these, or there are too few rows for an interval that can be trusted. Never counts as a pass.
 */
export const COMPARISON_KINDS = ["improved", "degraded", "equivalent", "inconclusive"] as const;
export type ComparisonKind = (typeof COMPARISON_KINDS)[number];

export interface ComparisonSettings {
  /** None if rows are independent; one if rows of a group depend on each other; two crossed levels. */
  readonly groupings: readonly Grouping[];
  /** Confidence level of the interval. */
  readonly level: number;
  /** The smallest effect that matters, as a fraction of the current loss; 0 if every effect does. */
  readonly minimumEffect: number;
  /** Equal seeds and losses give equal results. */
  readonly seed: number;
  /** Shared by comparisons on the same rows with the same seed, which it makes faster. */
  readonly drawShared?: DrawShared;
}

export interface LossComparison {
  readonly kind: ComparisonKind;
  /** Why it is inconclusive, if rows are too few for such a tail. */
  readonly reason?: "too-few-rows";
  /** Mean loss of the current composition. */
  readonly currentLoss: number;
  /** Mean over rows of candidate minus current; negative is better. */
  readonly difference: number;
  /** The difference as a fraction of the current loss; null for a current loss of 0. */
  readonly relative: number | null;
  /** Where the resamples give no bound, an end is that of all numbers: JSON has no infinity. */
  readonly interval: Interval;
  /** Independent units: rows, or groups of the level with the fewest. */
  readonly units: number;
  /** Of the studentized mean, in terms of `units`: how far its distribution leans. */
  readonly skewness: number;
  /** The smallest difference that these rows would tell apart from 0 with a probability of 80 %. */
  readonly detectable: number;
  /**
   * The rows that would do: for such a tail with `too-few-rows`, else to tell the difference seen apart from 0 with a
   * probability of 80 %. Null if the difference is 0.
   */
  readonly rowsNeeded: number | null;
}

const POWER = 0.8;

/**
 * Compares the losses of two compositions on the same rows.
 *
 * @param current [rows]; @param candidate [rows]
 * @returns undefined if a loss is not finite, or for fewer than two rows or groups
 */
export async function compareLosses(
  current: Float64Array,
  candidate: Float64Array,
  settings: ComparisonSettings,
): Promise<LossComparison | undefined> {
  const differences = finiteDifferences(current, candidate);
  if (differences === undefined) return undefined;
  const sample = await samplePaired(differences, settings.groupings, settings.seed, settings.drawShared);
  if (sample === undefined) return undefined;
  const interval = await pairedInterval(sample, settings.level);
  return describe(sample, interval, differences.length, mean(current), settings);
}

/** Candidate minus current; undefined if a number is not finite. */
export function finiteDifferences(current: Float64Array, candidate: Float64Array): Float64Array | undefined {
  const rows = current.length;
  if (candidate.length !== rows) return undefined;
  const differences = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const difference = (candidate[row] as number) - (current[row] as number);
    if (!Number.isFinite(difference)) return undefined;
    differences[row] = difference;
  }
  return differences;
}

/** @param currentLoss mean loss of the current composition; @param interval of the sample's mean at the level */
export function describe(
  sample: SampleMoments,
  interval: Interval,
  rows: number,
  currentLoss: number,
  { level, minimumEffect }: Pick<ComparisonSettings, "level" | "minimumEffect">,
): LossComparison {
  const { mean: difference, units, standardError, skewness } = sample;
  const needed = unitsNeeded(sample);
  const isTooFew = units < needed;
  const detectable = (gaussianQuantile((1 + level) / 2) + gaussianQuantile(POWER)) * standardError;
  return {
    ...(isTooFew
      ? { kind: "inconclusive", reason: "too-few-rows" }
      : { kind: kindOf(interval, minimumEffect * Math.abs(currentLoss)) }),
    currentLoss,
    difference,
    relative: currentLoss === 0 ? null : difference / Math.abs(currentLoss),
    interval: [Math.max(interval[0], -Number.MAX_VALUE), Math.min(interval[1], Number.MAX_VALUE)],
    units,
    skewness: skewness.curvature,
    detectable,
    rowsNeeded: isTooFew ? Math.ceil((rows * needed) / units) : rowsToDetect(difference, detectable, rows),
  };
}

/** @param effect the smallest difference that matters, at least 0 */
function kindOf([low, high]: Interval, effect: number): ComparisonKind {
  if (effect > 0 && low >= -effect && high <= effect) return "equivalent";
  if (high < 0) return "improved";
  return low > 0 ? "degraded" : "inconclusive";
}

function rowsToDetect(difference: number, detectable: number, rows: number): number | null {
  return difference === 0 ? null : Math.ceil(rows * square(detectable / difference));
}
