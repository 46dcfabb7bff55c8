import { mean } from "../../common/statistics.ts";
import { type ComparisonSettings, describe, finiteDifferences, type LossComparison } from "./compare-losses.ts";
import { unitsNeeded } from "./floor.ts";
import { hallInterval, hallPValue } from "./hall.ts";
import { type IntervalMethod, samplePaired } from "./paired-interval.ts";
import type { SampleMoments } from "./sample.ts";

/** How intervals of families are computed. */
export const FAMILY_METHOD: IntervalMethod = "hall";

/** One of several comparisons that are shown at once: moments of its rows, without the rows. */
export interface FamilyMember {
  readonly sample: SampleMoments;
  readonly rows: number;
  /** Mean loss of the current composition on these rows. */
  readonly currentLoss: number;
}

export interface FamilyComparison extends LossComparison {
  /** Confidence level of the interval: that at which Holm's procedure tests this member. */
  readonly level: number;
}

/**
 * @param current [rows]; @param candidate [rows]
 * @returns undefined if a loss is not finite, or for fewer than two rows or groups
 */
export async function familyMember(
  current: Float64Array,
  candidate: Float64Array,
  { groupings, seed }: Pick<ComparisonSettings, "groupings" | "seed">,
): Promise<FamilyMember | undefined> {
  const differences = finiteDifferences(current, candidate);
  const sample = differences && (await samplePaired(differences, groupings, seed));
  if (sample === undefined) return undefined;
  const { resample: _, ...moments } = sample;
  return { sample: moments, rows: current.length, currentLoss: mean(current) };
}

/**
 * Compares several losses whose kinds hold together, whatever their dependence: the chance that any member is wrongly
 * called improved or degraded is at most 1 - level, by Holm's (1979) step-down procedure on Hall's p-values, and so is
 * the chance that any is wrongly called equivalent, by Bonferroni's correction. A member's interval is Hall's at the level
 * at which Holm tests it, so that it excludes 0 if the member is called improved or degraded. Members with too few rows,
 * and those whose difference is the same in every row, do not count in the corrections: no level changes what they are
 * called.
 *
 * @returns one comparison per member, in order
 */
export function compareFamily(
  members: readonly FamilyMember[],
  settings: Pick<ComparisonSettings, "level" | "minimumEffect">,
): readonly FamilyComparison[] {
  const alpha = 1 - settings.level;
  const isTested = (sample: SampleMoments) => sample.units >= unitsNeeded(sample) && sample.standardError > 0;
  const pValues = members.map(({ sample }) => (isTested(sample) ? hallPValue(sample) : undefined));
  const strictest = 1 - alpha / Math.max(1, pValues.filter((p) => p !== undefined).length);
  const levels = holmLevels(pValues, alpha);
  return members.map(({ sample, rows, currentLoss }, i) => {
    const level = 1 - (levels[i] as number);
    const effect = settings.minimumEffect * Math.abs(currentLoss);
    // Holm's procedure tests for a difference; its levels do not bound wrong claims that there is none.
    const isEquivalent = hallInterval(sample, strictest).every((end) => Math.abs(end) <= effect);
    const minimumEffect = isEquivalent ? settings.minimumEffect : 0;
    const comparison = describe(sample, hallInterval(sample, level), rows, currentLoss, { level, minimumEffect });
    return { ...comparison, level };
  });
}

/**
 * The error probability at which Holm's procedure tests each hypothesis: alpha over the number that remain when its turn
 * comes, in ascending order of p-values, until one is not rejected; all others are tested as that one is.
 *
 * @param pValues undefined for hypotheses that are not tested; these get alpha over the number of the tested ones
 */
export function holmLevels(pValues: readonly (number | undefined)[], alpha: number): readonly number[] {
  const tested = pValues.flatMap((p, i) => (p === undefined ? [] : [{ p, i }])).sort((a, b) => a.p - b.p);
  const levels = pValues.map(() => alpha / Math.max(1, tested.length));
  let level = 0;
  let isRejecting = true;
  for (const [rank, { p, i }] of tested.entries()) {
    if (isRejecting) level = alpha / (tested.length - rank);
    levels[i] = level;
    isRejecting &&= p < level;
  }
  return levels;
}
