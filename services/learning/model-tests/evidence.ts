import { binomialTail } from "../../common/binomial.ts";
import { square } from "../../common/elementary.ts";
import { FEWEST_UNITS, UNITS_PER_SQUARED_SKEWNESS } from "../../verdicts/paired/floor.ts";
import { hallInterval } from "../../verdicts/paired/hall.ts";
import { samplePaired } from "../../verdicts/paired/paired-interval.ts";
import type { Grouping } from "../../verdicts/paired/sample.ts";

/** The probability with which a model that meets a limit exactly, on all rows that there could be, fails a test. */
export const FALSE_ALARMS = 0.01;

/** What rows say about a test: a model fails if the mean of `values` is shown to be above 0. */
export interface Evidence {
  /** [rows]: of a row test, 1 for a violation and 0 otherwise, less the share that is allowed; of a slice, loss beyond the limit. */
  readonly values: Float64Array;
  /** Of a row test. */
  readonly allowed?: number;
  /** None if rows are independent. */
  readonly groupings: readonly Grouping[];
}

/**
 * Whether rows show that the limit of a test is exceeded, with a probability of at most `FALSE_ALARMS` if it is not. Counts of
 * independent rows are tested exactly, by the binomial distribution; everything else by Hall's interval of the mean. One
 * violation is enough where none is allowed.
 */
export async function isShown({ values, allowed, groupings }: Evidence): Promise<boolean> {
  if (allowed !== undefined) {
    const count = violationsOf(values);
    if (allowed === 0) return count > 0;
    if (groupings.length === 0) return binomialTail(count, values.length, allowed) <= FALSE_ALARMS;
  }
  return isShownPositive(values, groupings);
}

/** Whether rows show that the first of two models fails a test more clearly than the second; both are of the same rows. */
export async function isShownWorse(candidate: Evidence, current: Evidence): Promise<boolean> {
  const differences = candidate.values.map((value, row) => value - (current.values[row] as number));
  if (candidate.allowed !== undefined && candidate.groupings.length === 0) {
    const worse = differences.reduce((sum, difference) => sum + (difference > 0 ? 1 : 0), 0);
    const better = differences.reduce((sum, difference) => sum + (difference < 0 ? 1 : 0), 0);
    // McNemar's exact test.
    return worse > 0 && binomialTail(worse, worse + better, 1 / 2) <= FALSE_ALARMS;
  }
  return isShownPositive(differences, candidate.groupings);
}

export function violationsOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0);
}

async function isShownPositive(values: Float64Array, groupings: readonly Grouping[]): Promise<boolean> {
  const sample = await samplePaired(values, groupings, 1);
  if (sample === undefined) return false;
  // Only rare rows of the other side could contradict a mean above 0.
  const tail = Math.max(0, -sample.skewness.curvature);
  const enough = Math.max(FEWEST_UNITS, UNITS_PER_SQUARED_SKEWNESS * square(tail));
  return sample.units >= enough && hallInterval(sample, 1 - 2 * FALSE_ALARMS)[0] > 0;
}
