import { exp, log } from "../../common/elementary.ts";
import { createRandom } from "../../data/random/random.ts";
import {
  activeParameters,
  type SearchParameters,
  type SearchRange,
  type SearchSpec,
  type SearchValue,
} from "../../pipeline/search.ts";
import { haltonAt } from "./halton.ts";

/** Significant digits of sampled numbers: more would only be hard to read. */
const DIGITS = 4;

/**
 * The parameters of a trial: a function of the search and of the trial's number alone, so that no kill, no order and no
 * number of trials changes them.
 *
 * @param trial from 1
 */
export function sampleParameters(search: SearchSpec, trial: number): SearchParameters {
  const values: Record<string, SearchValue> = {};
  search.parameters.forEach(({ key, range }, dimension) => {
    values[key] = valueAt(range, coordinate(search, trial, dimension));
  });
  return activeParameters(search.parameters, values);
}

function coordinate({ sampler, seed }: SearchSpec, trial: number, dimension: number): number {
  if (sampler === "quasi-random") return haltonAt(seed, trial - 1, dimension);
  return createRandom(seed, `random/${dimension}`, trial).uniform();
}

/** @param u in [0, 1) */
function valueAt(range: SearchRange, u: number): SearchValue {
  if (range.kind === "choice") return range.choices[Math.floor(u * range.choices.length)] as SearchValue;
  const { low, high, integer } = range;
  // Each integer has the interval around it.
  const [from, to] = integer ? [low - 0.5, high + 0.5] : [low, high];
  const value = range.log ? exp(log(from) + u * (log(to) - log(from))) : from + u * (to - from);
  const rounded = integer ? Math.round(value) : Number(value.toPrecision(DIGITS));
  return Math.min(high, Math.max(low, rounded));
}
