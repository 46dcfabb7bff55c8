import { MOST_MEASUREMENTS, type SearchParameter, type SearchSpec } from "../../pipeline/search.ts";

/** Measurements of the longest training, by default. */
const MEDIAN_LOOKS = 10;
const STOP_LOOKS = 20;

/** When the trials of a search are measured on the way. */
export interface MeasuredSteps {
  /** Where the pruner decides, ascending, below `steps`. */
  pruning(steps: number): readonly number[];
  /** Where early stopping decides, ascending, below `steps`. */
  stopping(steps: number): readonly number[];
  /** Both, ascending. */
  all(steps: number): readonly number[];
}

/** @param own steps of the team file, for a search that leaves them alone */
export function measuredSteps(search: SearchSpec, own: number): MeasuredSteps {
  const longest = longestTraining(search.parameters, own);
  // A sampler outside may ask for more steps than any training of the search has.
  const byDefault = (looks: number, steps: number) => Math.ceil(Math.max(longest / looks, steps / MOST_MEASUREMENTS));
  const pruning = (steps: number): readonly number[] => {
    const { pruning: spec } = search;
    if (spec.name === "none") return [];
    if (spec.name === "median") return every(spec.every ?? byDefault(MEDIAN_LOOKS, steps), steps);
    const rungs: number[] = [];
    const { factor } = spec;
    const first = spec.first ?? Math.ceil(longest / (factor * factor * factor));
    for (let rung = first; rung < steps; rung *= factor) rungs.push(rung);
    return rungs;
  };
  const stopping = (steps: number): readonly number[] =>
    search.stopEarly === undefined ? [] : every(search.stopEarly.every ?? byDefault(STOP_LOOKS, steps), steps);
  return {
    pruning,
    stopping,
    all: (steps) => [...new Set([...pruning(steps), ...stopping(steps)])].sort((a, b) => a - b),
  };
}

function every(interval: number, steps: number): readonly number[] {
  const at: number[] = [];
  for (let step = interval; step < steps; step += interval) at.push(step);
  return at;
}

function longestTraining(parameters: readonly SearchParameter[], own: number): number {
  const range = parameters.find(({ key }) => key === "steps")?.range;
  if (range === undefined) return own;
  return range.kind === "number" ? range.high : Math.max(...range.choices.map(Number));
}
