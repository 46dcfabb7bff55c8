import {
  activeParameters,
  MOST_MEASUREMENTS,
  type SearchParameter,
  type SearchParameters,
  type SearchSpec,
  type SearchValue,
} from "../search.ts";
import type { Problem } from "./problem.ts";
import type { Reporter } from "./yaml-file.ts";

/** A place in a range that is seldom an integer. */
const GOLDEN = 0.381_966;

/** A configuration that a search can reach: one parameter at a value that is tried, the others at their first one. */
interface Probe {
  readonly key: string;
  readonly value: SearchValue;
  readonly parameters: SearchParameters;
}

/**
 * Checks that a search reaches only valid configurations: each parameter at its ends and in between, or at each of its
 * choices.
 * @param problemsOf what is wrong with a configuration
 */
export function checkSearch(
  { parameters }: SearchSpec,
  problemsOf: (parameters: SearchParameters) => readonly Problem[],
  reporter: Reporter,
): void {
  const seen = new Set<string>();
  for (const { key, value, parameters: probed } of probesOf(parameters)) {
    for (const { path, message } of problemsOf(probed)) {
      if (seen.has(`${path}: ${message}`)) continue;
      seen.add(`${path}: ${message}`);
      const what = path === "" || path === key ? message : `${path}: ${message}`;
      reporter.report(["search", "parameters", key], `with the value ${JSON.stringify(value)}, ${what}`);
    }
  }
}

/** Checks that a training of a search is not measured more often than is sensible: trials keep every measurement. */
export function checkMeasurements({ pruning, stopEarly }: SearchSpec, steps: number, reporter: Reporter): void {
  const least = Math.ceil(steps / MOST_MEASUREMENTS);
  const median = pruning.name === "median" ? pruning.every : undefined;
  for (const [key, every] of Object.entries({ pruning: median, stop_early: stopEarly?.every })) {
    if (every === undefined || every >= least) continue;
    const message = `must be at least ${least} for ${steps} steps (${MOST_MEASUREMENTS} measurements), not ${every}`;
    reporter.report(["search", key, "every"], message);
  }
}

function* probesOf(space: readonly SearchParameter[]): Generator<Probe, void, undefined> {
  const first = Object.fromEntries(space.map((parameter) => [parameter.key, valuesOf(parameter)[0] as SearchValue]));
  for (const parameter of space) {
    const { key } = parameter;
    for (const value of valuesOf(parameter)) {
      yield {
        key,
        value,
        parameters: activeParameters(space, { ...first, ...needed(parameter, space), [key]: value }),
      };
    }
  }
}

/** Values of others with which the conditions of a parameter hold. */
function needed({ when }: SearchParameter, space: readonly SearchParameter[]): SearchParameters {
  const values: Record<string, SearchValue> = {};
  for (const { key, values: wanted } of when) {
    const parent = space.find((other) => other.key === key);
    if (parent !== undefined) Object.assign(values, needed(parent, space));
    values[key] = wanted[0] as SearchValue;
  }
  return values;
}

function valuesOf({ range }: SearchParameter): readonly SearchValue[] {
  if (range.kind === "choice") return range.choices;
  const { low, high, integer } = range;
  // In between, no integer, which the ends of a range that lacks `integer: true` may be.
  return [low, high, ...(integer ? [] : [Number((low + GOLDEN * (high - low)).toPrecision(4))])];
}
