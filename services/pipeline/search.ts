/** What a team wants tried: `search` in a team file. */

/** A value of a key of a team file, as YAML has it. */
export type SearchValue =
  | string
  | number
  | boolean
  | null
  | readonly SearchValue[]
  | { readonly [key: string]: SearchValue };

/** Keys of the team file, such as `optimizer.learning_rate`, with the values of one trial. */
export type SearchParameters = Readonly<Record<string, SearchValue>>;

/** Holds where another parameter has one of the values. */
export interface SearchCondition {
  readonly key: string;
  readonly values: readonly SearchValue[];
}

/** The values that one key can have. */
export type SearchRange =
  | {
      readonly kind: "number";
      /** Inclusive, as is `high`. */
      readonly low: number;
      readonly high: number;
      /** Whether equal ratios are equally likely, instead of equal differences. */
      readonly log: boolean;
      readonly integer: boolean;
    }
  | { readonly kind: "choice"; readonly choices: readonly SearchValue[] };

export interface SearchParameter {
  /** Path of the key in the team file, with dots. */
  readonly key: string;
  readonly range: SearchRange;
  /** The key is set only if all of them hold; each names a parameter listed before. */
  readonly when: readonly SearchCondition[];
}

export const SAMPLERS = ["quasi-random", "random"] as const;
export type SamplerName = (typeof SAMPLERS)[number];

/** When a trial that does badly ends early. Steps that are absent follow from the longest training of the search. */
export type PruningSpec =
  | { readonly name: "none" }
  /** A trial goes on at `first`, `first * factor`, ... steps if it is among the best 1 / factor so far. */
  | { readonly name: "halving"; readonly factor: number; readonly first?: number }
  /** A trial goes on every `every` steps unless it is worse than the median of at least `after` trials before it. */
  | { readonly name: "median"; readonly after: number; readonly every?: number };

/** A trial ends when its validation loss, measured every `every` steps, has not improved for `patience` measurements. */
export interface StopEarlySpec {
  readonly patience: number;
  readonly every?: number;
}

/** Of a trial, on the way. */
export const MOST_MEASUREMENTS = 1000;

export interface SearchSpec {
  /** In the order of the file. */
  readonly parameters: readonly SearchParameter[];
  readonly sampler: SamplerName;
  readonly pruning: PruningSpec;
  readonly stopEarly?: StopEarlySpec;
  /** Share of the training rows that trials are measured on and do not train on, in (0, 1). */
  readonly validation: number;
  readonly seed: number;
}

/** Whether two values of the team file are equal. */
export function sameValue(a: SearchValue, b: SearchValue): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The values without those whose conditions do not hold. */
export function activeParameters(space: readonly SearchParameter[], values: SearchParameters): SearchParameters {
  const active: Record<string, SearchValue> = {};
  for (const { key, when } of space) {
    const value = values[key];
    const holds = when.every((condition) => {
      const other = active[condition.key];
      return other !== undefined && condition.values.some((wanted) => sameValue(wanted, other));
    });
    if (value !== undefined && holds) active[key] = value;
  }
  return active;
}

/** Keys with conditions that do not hold: a configuration leaves them out, whatever the team file says. */
export function absentKeys(space: readonly SearchParameter[], parameters: SearchParameters): readonly string[] {
  return space.filter(({ key, when }) => when.length > 0 && parameters[key] === undefined).map(({ key }) => key);
}
