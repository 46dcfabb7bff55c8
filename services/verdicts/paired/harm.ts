import { exactShareInterval } from "./exact-share.ts";
import { type Interval, pairedInterval, samplePaired } from "./paired-interval.ts";
import type { Grouping } from "./sample.ts";
import { selectInPlace } from "./select.ts";
import type { DrawShared } from "./shared-weights.ts";

/** How the change of the mean loss is spread over rows. All are losses, and at least 0 but for `worst`. */
export interface Harm {
  /** Mean over all rows of how much worse the candidate is, 0 where it is not. */
  readonly harm: number;
  /** Mean over all rows of how much better the candidate is, 0 where it is not; difference = harm - gain. */
  readonly gain: number;
  /** Mean difference of the 1 % of rows, at least one, that change most for the worse. */
  readonly worst: number;
}

const WORST_SHARE = 0.01;

/** @param differences candidate minus current, [rows], at least one */
export function measureHarm(differences: Float64Array): Harm {
  const rows = differences.length;
  let harm = 0;
  let gain = 0;
  for (let row = 0; row < rows; row++) {
    const difference = differences[row] as number;
    if (difference > 0) harm += difference;
    else gain -= difference;
  }
  const worst = Math.ceil(rows * WORST_SHARE);
  return { harm: harm / rows, gain: gain / rows, worst: largestSum(differences.slice(), worst) / worst };
}

/** The sum of the `count` largest values. Reorders the values. */
function largestSum(values: Float64Array, count: number): number {
  const first = values.length - count;
  selectInPlace(values, first);
  let sum = 0;
  for (let i = first; i < values.length; i++) sum += values[i] as number;
  return sum;
}

/** Rows that a classifier got right before and gets wrong now (Yan et al. 2021, "Positive-congruent training"). */
export interface NegativeFlips {
  readonly count: number;
  /** `count` as a share of all rows. */
  readonly rate: number;
  readonly interval: Interval;
}

export interface FlipSettings {
  readonly groupings: readonly Grouping[];
  readonly level: number;
  readonly seed: number;
  /** As in `ComparisonSettings`. */
  readonly drawShared?: DrawShared;
}

/**
 * Counts negative flips. Their interval is exact where rows are independent; where they are grouped, it is that of a mean
 * over groups. Without a flip in any group, its upper end is the exact one of the share of groups.
 *
 * @param current 1 for rows that the current composition gets wrong, 0 for others, [rows]; @param candidate the same
 */
export async function negativeFlips(
  current: Float64Array,
  candidate: Float64Array,
  { groupings, level, seed, drawShared }: FlipSettings,
): Promise<NegativeFlips> {
  const rows = current.length;
  const flips = new Float64Array(rows);
  let count = 0;
  for (let row = 0; row < rows; row++) {
    if (current[row] !== 0 || candidate[row] === 0) continue;
    flips[row] = 1;
    count += 1;
  }
  const rate = count / rows;
  if (groupings.length === 0) return { count, rate, interval: exactShareInterval(count, rows, level) };
  const units = Math.min(...groupings.map((grouping) => grouping.count));
  const sample = count === 0 ? undefined : await samplePaired(flips, groupings, seed, drawShared);
  if (sample === undefined) return { count, rate, interval: exactShareInterval(0, units, level) };
  const [low, high] = await pairedInterval(sample, level);
  return { count, rate, interval: [Math.max(0, low), Math.min(1, high)] };
}
