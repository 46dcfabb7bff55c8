import { mean } from "../common/statistics.ts";
import type { Objective } from "../pipeline/objectives.ts";
import type { FlipRate, ObjectiveDifference } from "../pipeline/verdict.ts";
import { compareFamily, type FamilyComparison, type FamilyMember, familyMember } from "./paired/compare-family.ts";
import type { ComparisonSettings } from "./paired/compare-losses.ts";
import type { PipelineLoss } from "./pipeline-loss.ts";

/**
 * Compares the loss of every objective, as it is: without its weight and without a loss limit, which is one of the sum.
 * The kinds of all objectives hold together. One that does not depend on the update has a difference of exactly 0.
 *
 * @param present of the current composition; @param candidate of the other one
 * @param flips of each objective; undefined for one without classes
 * @returns one entry per objective whose losses are finite
 */
export async function compareObjectives(
  objectives: readonly Objective[],
  present: PipelineLoss,
  candidate: PipelineLoss,
  flips: readonly (FlipRate | undefined)[],
  settings: ComparisonSettings,
): Promise<readonly ObjectiveDifference[]> {
  const measured: (FamilyMember & Objective & Pick<ObjectiveDifference, "candidateLoss" | "negativeFlips">)[] = [];
  for (const [at, objective] of objectives.entries()) {
    const losses = candidate.parts[at] as Float64Array;
    const member = await familyMember(present.parts[at] as Float64Array, losses, settings);
    if (member === undefined) continue;
    const negativeFlips = flips[at];
    const own = { candidateLoss: mean(losses), ...(negativeFlips !== undefined && { negativeFlips }) };
    measured.push({ ...member, ...objective, ...own });
  }
  const comparisons = compareFamily(measured, settings);
  return measured.map(({ sample: _, rows: __, component, weight, candidateLoss, negativeFlips }, at) => {
    const { currentLoss, kind, reason, difference, relative, interval, level } = comparisons[at] as FamilyComparison;
    return {
      component,
      weight,
      currentLoss,
      candidateLoss,
      kind,
      ...(reason !== undefined && { reason }),
      difference,
      relative,
      interval,
      level,
      ...(negativeFlips !== undefined && { negativeFlips }),
    };
  });
}
