import type { PruningSpec } from "../../pipeline/search.ts";

/**
 * Whether a trial goes on after a step, judged by the trials numbered before it alone: so it depends neither on which of
 * them were faster, nor on how many run at a time, nor on how many trials follow.
 *
 * Halving is the rule of ASHA (Li et al. 2020) in the order of the trials: a trial is promoted if it is among the best
 * 1 / factor of the trials that were measured at the step, itself included, and the best of them always is. The median rule
 * is that of Golovin et al. (2017) on the value of the step.
 *
 * @param value of the trial at the step; lower is better
 * @param before values at the same step of the trials numbered before it that reached the step
 */
export function goesOn(pruning: PruningSpec, value: number, before: readonly number[]): boolean {
  const better = before.filter((other) => other < value).length;
  switch (pruning.name) {
    case "none":
      return true;
    case "halving":
      return better < Math.max(1, Math.floor((before.length + 1) / pruning.factor));
    case "median":
      // Worse than the median: more than half of the others are better.
      return before.length < pruning.after || 2 * better <= before.length;
  }
}

/** Whether a trial has stopped improving. @param values of the measurements so far, in order; lower is better */
export function hasStalled(values: readonly number[], patience: number): boolean {
  const best = values.indexOf(Math.min(...values));
  return values.length - 1 - best >= patience;
}
