import * as z from "zod";
import {
  type PruningSpec,
  SAMPLERS,
  type SearchCondition,
  type SearchParameter,
  type SearchRange,
  type SearchSpec,
  type SearchValue,
  sameValue,
} from "../search.ts";
import { isRecord, parseWith, shown, strict } from "./schema.ts";
import type { Path, Reporter } from "./yaml-file.ts";

/** The keys of a team file that change what a training computes. */
const SEARCHABLE = ["model", "optimizer", "batch", "steps", "schedule", "protocol", "seed"];
const MAX_PARAMETERS = 32;
/** Without leading underscores, so that no part is `__proto__`. */
const KEY = /^[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)*$/;
const MAX_STEPS = 1_000_000_000;
const steps = z.int().min(1).max(MAX_STEPS);

const topSchema = strict({
  parameters: z.unknown().optional(),
  sampler: z.enum(SAMPLERS).default("quasi-random"),
  pruning: z.unknown().optional(),
  stop_early: z.unknown().optional(),
  validation: z.unknown().optional(),
  seed: z.int().min(0).default(1),
});
const numberSchema = strict({
  low: z.number(),
  high: z.number(),
  log: z.boolean().default(false),
  integer: z.boolean().default(false),
  when: z.unknown().optional(),
});
const choice = z.custom<SearchValue>((value) => z.json().safeParse(value).success, {
  error: "must be text, a finite number, true, false, null, a list or a mapping",
});
const choiceSchema = strict({ choices: z.array(choice).min(1).max(256), when: z.unknown().optional() });
const whenSchema = z.record(z.string(), z.json());
const stopSchema = strict({ patience: z.int().min(1).max(1000).default(5), every: steps.optional() });
const PRUNING = {
  none: strict({ name: z.literal("none") }),
  halving: strict({
    name: z.literal("halving"),
    factor: z.int().min(2).max(16).default(3),
    first: steps.optional(),
  }),
  median: strict({
    name: z.literal("median"),
    after: z.int().min(1).max(1000).default(5),
    every: steps.optional(),
  }),
};
const DEFAULT_VALIDATION = 0.2;

/** Whether a search can set a key of a team file. @param key a path with dots */
export function isSearchable(key: string): boolean {
  return KEY.test(key) && SEARCHABLE.includes(key.split(".")[0] as string);
}

/**
 * Parses `search` in a team file:
 *
 * ```yaml
 * search:
 *   parameters:
 *     optimizer.learning_rate: { low: 0.0001, high: 0.1, log: true }
 *     batch: { choices: [32, 64, 128] }
 *     steps: { low: 500, high: 4000, integer: true }
 *     optimizer.name: { choices: [adam, momentum] }
 *     optimizer.momentum: { low: 0.5, high: 0.99, when: { optimizer.name: momentum } }
 *   sampler: quasi-random         # or: random
 *   pruning: halving              # or: { name: halving, factor: 3, first: 100 }, { name: median, after: 5, every: 200 }, none
 *   stop_early: { patience: 5, every: 100 }   # default: none
 *   validation: 20 %              # of the training rows
 *   seed: 1
 * ```
 *
 * @returns undefined after reporting every problem
 */
export function parseSearch(value: unknown, reporter: Reporter): SearchSpec | undefined {
  const path = ["search"];
  const before = reporter.problems.length;
  const top = parseWith(topSchema, value, path, reporter);
  const record = isRecord(value) ? value : {};
  const parameters = "parameters" in record || top !== undefined ? parseParameters(record.parameters, reporter) : [];
  const pruning = parsePruning(record.pruning, reporter);
  const stop =
    record.stop_early === undefined
      ? undefined
      : parseWith(stopSchema, record.stop_early, [...path, "stop_early"], reporter);
  const validation = parseShare(record.validation, reporter);
  if (reporter.problems.length > before || top === undefined || pruning === undefined || validation === undefined) {
    return undefined;
  }
  return {
    parameters,
    sampler: top.sampler,
    pruning,
    ...(stop !== undefined && {
      stopEarly: { patience: stop.patience, ...(stop.every !== undefined && { every: stop.every }) },
    }),
    validation,
    seed: top.seed,
  };
}

function parseParameters(value: unknown, reporter: Reporter): readonly SearchParameter[] {
  const path = ["search", "parameters"];
  if (!isRecord(value) || Object.keys(value).length === 0) {
    reporter.report(
      path,
      "must map keys of this file to ranges, such as optimizer.learning_rate: { low: 0.001, high: 0.1 }",
    );
    return [];
  }
  const entries = Object.entries(value);
  if (entries.length > MAX_PARAMETERS) {
    reporter.report(path, `must have at most ${MAX_PARAMETERS} parameters, not ${entries.length}`);
  }
  const parameters: SearchParameter[] = [];
  for (const [key, spec] of entries) {
    const at = [...path, key];
    if (!isSearchable(key)) {
      reporter.report(
        at,
        `cannot be searched; use a key that changes a training, in or under: ${SEARCHABLE.join(", ")}`,
      );
      continue;
    }
    const whole = entries.find(([other]) => key.startsWith(`${other}.`))?.[0];
    if (whole !== undefined) {
      reporter.report(at, `is part of ${whole}, which is searched, too; search only one of them`);
      continue;
    }
    const range = parseRange(spec, at, reporter);
    const when = parseWhen(isRecord(spec) ? spec.when : undefined, parameters, at, reporter);
    if (range !== undefined) parameters.push({ key, range, when });
  }
  return parameters;
}

function parseRange(spec: unknown, at: Path, reporter: Reporter): SearchRange | undefined {
  if (!isRecord(spec) || "choices" in spec === ("low" in spec || "high" in spec)) {
    reporter.report(at, `must be { low: 1, high: 10 } or { choices: [1, 10] }, not ${shown(spec)}`);
    return undefined;
  }
  if ("choices" in spec) {
    const parsed = parseWith(choiceSchema, spec, at, reporter);
    if (parsed === undefined) return undefined;
    const choices = parsed.choices;
    const repeated = choices.findIndex((choice, i) => choices.findIndex((other) => sameValue(choice, other)) < i);
    if (repeated < 0) return { kind: "choice", choices };
    reporter.report([...at, "choices", repeated], `duplicate entry ${JSON.stringify(choices[repeated])}`);
    return undefined;
  }
  const parsed = parseWith(numberSchema, spec, at, reporter);
  if (parsed === undefined) return undefined;
  const { low, high, log, integer } = parsed;
  if (low >= high) reporter.report([...at, "high"], `must be greater than low (${low}), not ${high}`);
  if (log && low <= 0) reporter.report([...at, "low"], `must be greater than 0 with log: true, not ${low}`);
  for (const [name, end] of Object.entries({ low, high })) {
    if (integer && !Number.isSafeInteger(end)) {
      reporter.report([...at, name], `must be an integer with integer: true, not ${end}`);
    }
  }
  return { kind: "number", low, high, log, integer };
}

/** @param before the parameters listed before, of which conditions can be made */
function parseWhen(
  value: unknown,
  before: readonly SearchParameter[],
  at: Path,
  reporter: Reporter,
): readonly SearchCondition[] {
  if (value === undefined) return [];
  const parsed = parseWith(whenSchema, value, [...at, "when"], reporter);
  return Object.entries(parsed ?? {}).map(([key, wanted]) => {
    const place = [...at, "when", key];
    const values = (Array.isArray(wanted) ? wanted : [wanted]) as readonly SearchValue[];
    const range = before.find((parameter) => parameter.key === key)?.range;
    if (range?.kind !== "choice") {
      reporter.report(place, "must be a parameter with choices that is listed before this one");
    } else {
      const unknown = values.find((each) => !range.choices.some((choice) => sameValue(choice, each)));
      if (unknown !== undefined || values.length === 0) {
        const choices = range.choices.map((choice) => JSON.stringify(choice)).join(", ");
        reporter.report(
          place,
          `must be one or several of the choices of ${key} (${choices}), not ${values.length === 0 ? "an empty list" : shown(unknown)}`,
        );
      }
    }
    return { key, values };
  });
}

function parsePruning(value: unknown, reporter: Reporter): PruningSpec | undefined {
  const path = ["search", "pruning"];
  const given = value === undefined ? { name: "halving" } : typeof value === "string" ? { name: value } : value;
  const named = parseWith(z.looseObject({ name: z.enum(["none", "halving", "median"]) }), given, path, reporter);
  if (named === undefined) return undefined;
  if (named.name === "none") return parseWith(PRUNING.none, given, path, reporter);
  if (named.name === "halving") {
    const parsed = parseWith(PRUNING.halving, given, path, reporter);
    if (parsed === undefined) return undefined;
    const { first, ...rest } = parsed;
    return { ...rest, ...(first !== undefined && { first }) };
  }
  const parsed = parseWith(PRUNING.median, given, path, reporter);
  if (parsed === undefined) return undefined;
  const { every, ...rest } = parsed;
  return { ...rest, ...(every !== undefined && { every }) };
}

/** A share such as `20 %` or 0.2. */
function parseShare(value: unknown, reporter: Reporter): number | undefined {
  if (value === undefined) return DEFAULT_VALIDATION;
  const percent = typeof value === "string" ? /^(\d+(?:\.\d+)?) ?%$/.exec(value)?.[1] : undefined;
  const share = typeof value === "number" ? value : percent === undefined ? Number.NaN : Number(percent) / 100;
  if (share > 0 && share <= 0.9) return share;
  reporter.report(
    ["search", "validation"],
    `must be a share of the training rows of at most 90 %, such as 20 %, not ${shown(value)}`,
  );
  return undefined;
}
