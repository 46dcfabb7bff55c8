import { UncoupleError } from "../../common/errors.ts";
import { seedOf } from "../../common/random-weights.ts";
import type { LossLimit } from "../../pipeline/pipeline.ts";
import { type ComparisonKind, type ComparisonSettings, compareLosses, finiteDifferences } from "./compare-losses.ts";
import { type ComparedSlices, compareSlices, type SliceColumn } from "./compare-slices.ts";
import { type Harm, measureHarm, type NegativeFlips, negativeFlips } from "./harm.ts";
import { limitLosses, lossBound } from "./loss-limit.ts";
import { type IntervalMethod, intervalMethod } from "./paired-interval.ts";
import { createSharedWeights } from "./shared-weights.ts";

export interface RowLosses {
  readonly name: string;
  /** [rows] */
  readonly losses: Float64Array;
}

export interface CandidateSettings extends Omit<ComparisonSettings, "seed"> {
  /** None to leave out slices. */
  readonly slices: readonly SliceColumn[];
  readonly limit?: LossLimit;
}

export interface Comparisons {
  readonly rows: number;
  /** Groups of the level with the fewest; null without groups. */
  readonly groups: number | null;
  readonly method: IntervalMethod;
  /** The level at which all intervals hold together. */
  readonly level: number;
  /** The largest loss that counts; null without a limit. */
  readonly bound: number | null;
  readonly results: readonly CandidateComparison[];
}

/** One candidate against the current model; the numbers are those of `LossComparison`. */
export interface CandidateComparison extends Harm {
  readonly candidate: string;
  readonly kind: ComparisonKind;
  readonly reason?: "too-few-rows";
  readonly currentLoss: number;
  readonly difference: number;
  readonly relative: number | null;
  readonly low: number;
  readonly high: number;
  readonly skewness: number;
  readonly detectable: number;
  readonly rowsNeeded: number | null;
  /** For losses that are all 0 or 1. */
  readonly negativeFlips?: NegativeFlips;
  readonly slices?: ComparedSlices;
}

/**
 * Compares candidates with the current model on the same rows. The intervals of several candidates hold together, by
 * Bonferroni's correction, so that the best can be chosen by its interval.
 *
 * @throws UncoupleError `failed-precondition` with fewer than two rows or two groups
 */
export async function compareCandidates(
  current: RowLosses,
  candidates: readonly RowLosses[],
  { slices, limit, drawShared = createSharedWeights(), ...settings }: CandidateSettings,
): Promise<Comparisons> {
  const { groupings } = settings;
  const level = 1 - (1 - settings.level) / candidates.length;
  const bound = limit === undefined ? null : lossBound(current.losses, limit);
  const limited = (losses: Float64Array) => (bound === null ? losses : limitLosses(losses, bound));
  const results: CandidateComparison[] = [];
  for (const candidate of candidates) {
    const own = { ...settings, drawShared, level, seed: seedOf(current.name, candidate.name) };
    const compared = [limited(current.losses), limited(candidate.losses)] as const;
    const comparison = await compareLosses(...compared, own);
    // Of the losses as they are: a limit must not hide harm.
    const differences = finiteDifferences(current.losses, candidate.losses);
    if (comparison === undefined || differences === undefined) {
      throw new UncoupleError("failed-precondition", "comparing needs at least two rows, of two groups");
    }
    const { interval, units: _, ...numbers } = comparison;
    results.push({
      candidate: candidate.name,
      ...numbers,
      low: interval[0],
      high: interval[1],
      ...measureHarm(differences),
      ...([current.losses, candidate.losses].every(isRightOrWrong) && {
        negativeFlips: await negativeFlips(current.losses, candidate.losses, own),
      }),
      ...(slices.length > 0 && { slices: await compareSlices(...compared, slices, own) }),
    });
  }
  return {
    rows: current.losses.length,
    groups: groupings.length === 0 ? null : Math.min(...groupings.map(({ count }) => count)),
    method: intervalMethod(level),
    level: settings.level,
    bound,
    results,
  };
}

function isRightOrWrong(losses: Float64Array): boolean {
  return losses.every((loss) => loss === 0 || loss === 1);
}
