import { mean } from "../../common/statistics.ts";
import type { SearchValue } from "../../pipeline/search.ts";
import type { Study, Trial } from "../../pipeline/study.ts";

/** How much of the differences between trials a parameter explains by itself. */
export interface ParameterImportance {
  readonly parameter: string;
  /** Share of the variance of the trials' ranks, in [0, 1]. */
  readonly share: number;
}

/** Fewer trials say nothing about importance. */
export const FEWEST_TRIALS = 10;
/** Groups of a numeric parameter, of equally many trials. */
const MOST_GROUPS = 5;
const FEWEST_IN_GROUP = 3;

/**
 * Measures the importance of parameters: Kruskal and Wallis' test as an effect size. Trials are ranked, those that were measured
 * after more steps first, then by value; a parameter divides them into groups, by its choices or its quantiles, or because it is
 * not set. Its importance is the adjusted share of the variance of the ranks between the groups (epsilon squared), 0 if chance
 * would explain as much. Says nothing of parameters that only matter together.
 *
 * @returns the most important first; undefined for fewer than `FEWEST_TRIALS` measured trials
 */
export function parameterImportance({ trials }: Pick<Study, "trials">): readonly ParameterImportance[] | undefined {
  const measured = trials.filter(
    ({ state, value }) => value !== null && (state === "complete" || state === "stopped" || state === "pruned"),
  );
  if (measured.length < FEWEST_TRIALS) return undefined;
  const ranks = ranksOf(measured);
  const parameters = [...new Set(measured.flatMap((trial) => Object.keys(trial.parameters)))];
  return parameters
    .map((parameter) => {
      const groups = groupsOf(measured.map((trial) => trial.parameters[parameter]));
      return { parameter, share: explainedShare(groups, ranks) };
    })
    .sort((a, b) => b.share - a.share || (a.parameter < b.parameter ? -1 : 1));
}

/** From 1; pruned trials come after the others, those that got further first. Equal trials share their mean rank. */
function ranksOf(trials: readonly Trial[]): readonly number[] {
  const reached = ({ state, steps }: Trial) => (state === "pruned" ? steps : Number.POSITIVE_INFINITY);
  const compare = (a: Trial, b: Trial) =>
    (reached(a) === reached(b) ? 0 : reached(b) - reached(a)) || (a.value ?? 0) - (b.value ?? 0);
  return trials.map((trial) => {
    const before = trials.filter((other) => compare(other, trial) < 0).length;
    const equal = trials.filter((other) => compare(other, trial) === 0).length;
    return before + (equal + 1) / 2;
  });
}

/** @returns the group of each trial */
function groupsOf(values: readonly (SearchValue | undefined)[]): readonly string[] {
  const numbers = values.filter((value) => typeof value === "number").sort((a, b) => a - b);
  const distinct = new Set(numbers);
  if (numbers.length < values.filter((value) => value !== undefined).length || distinct.size <= MOST_GROUPS) {
    return values.map((value) => JSON.stringify(value) ?? "not set");
  }
  const count = Math.max(1, Math.min(MOST_GROUPS, Math.floor(numbers.length / FEWEST_IN_GROUP)));
  return values.map((value) => {
    if (typeof value !== "number") return "not set";
    return String(Math.floor((numbers.indexOf(value) * count) / numbers.length));
  });
}

function explainedShare(groups: readonly string[], ranks: readonly number[]): number {
  const names = [...new Set(groups)];
  const [n, k] = [ranks.length, names.length];
  if (k < 2 || k >= n) return 0;
  const center = mean(ranks);
  const total = sumOfSquares(ranks, center);
  const within = names.reduce((sum, name) => {
    const own = ranks.filter((_, trial) => groups[trial] === name);
    return sum + sumOfSquares(own, mean(own));
  }, 0);
  return total === 0 ? 0 : Math.max(0, 1 - within / (n - k) / (total / (n - 1)));
}

function sumOfSquares(values: readonly number[], center: number): number {
  return values.reduce((sum, value) => sum + (value - center) * (value - center), 0);
}
