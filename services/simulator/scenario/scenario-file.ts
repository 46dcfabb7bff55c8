import * as z from "zod";
import { UncoupleError } from "../../common/errors.ts";
import type { Problem } from "../../pipeline/files/problem.ts";
import { nameSchema, parseWith, strict } from "../../pipeline/files/schema.ts";
import { createReporter, type Reporter, readYaml, sortedProblems } from "../../pipeline/files/yaml-file.ts";
import { parsePolicy } from "../policies/all.ts";
import { checkScripted } from "./check-scripted.ts";
import { parseScenarioGate } from "./parse-gate.ts";
import { hiddenSchema, parseTeams } from "./parse-teams.ts";
import { CADENCES, DEFAULT_SCENARIO, SCRIPTED_KINDS, type Scenario } from "./scenario.ts";

/**
 * The scenario file of `uncouple simulate`. Every key but `scenario` has a default (`DEFAULT_SCENARIO`); time is in ticks.
 *
 * ```yaml
 * scenario: two-teams
 * teams: { m1: { hidden: [64] }, m2: {} }   # or a number of them, m1 to mN. Keys: hidden, steps, every, width
 * edges: chain                              # chain, diamond, layered, star or random; or what each reads: { m2: [m1] }
 * truth: { width: 16, root_width: 8, columns: 5, root_columns: 10, outputs: 3, coupling: 2, noise: 0 }
 * cadence: { kind: poisson, every: 4 }      # poisson, periodic or bursty; mean ticks between two wishes to train
 * training: { hidden: [16], steps: 300, rows: 2000, growth: 0, held_out: 1000, duration: 0.25, staleness: 0 }
 * deployment: { delay: 0.1, coordination: 0 }
 * drift: { inputs: 0, truth: 0 }            # standard deviations, and radians, per tick
 * events: { upgrade: 0, downgrade: 0, bad_release: 0, outage: 0, outage_ticks: 1,
 *           scripted: [{ tick: 10, team: m1, kind: bad-release }, { tick: 20, team: m2, kind: split, into: [m2a, m2b] }] }
 * gate: { require: improved, margin: 1 % }  # as in a pipeline file: what gated policies have in common
 * policies: [async, async-rejecting, causal, causal-audit:300]
 * seeds: 5                                  # the seeds 1 to 5, or a list of them
 * ticks: 52
 * ```
 */
export function parseScenarioFile(
  text: string,
  file: string,
  overrides: ScenarioKeys = {},
): { readonly scenario: Scenario } | { readonly problems: readonly Problem[] } {
  const read = readYaml(text, file);
  if (!("map" in read)) return read;
  return parsed({ ...read.value, ...overrides }, createReporter(read.map, read.problems));
}

/** The keys of a scenario file, which have not been checked yet. */
export type ScenarioKeys = Readonly<Record<string, unknown>>;

/** Reads the keys that flags set. @throws UncoupleError `invalid-argument` with every problem, one per line */
export function scenarioOfFlags(keys: ScenarioKeys): Scenario {
  const problems: Problem[] = [];
  const report: Reporter["report"] = (path, message) => {
    problems.push({ file: `--${path[0]}`, path: "", message });
  };
  const found = parsed(keys, { problems, report });
  if ("scenario" in found) return found.scenario;
  throw new UncoupleError(
    "invalid-argument",
    found.problems.map((problem) => `${problem.file}: ${problem.message}`).join("\n"),
  );
}

const count = z.int().min(1).max(1_000_000);
const share = z.number().min(0).max(1);
const ticks = z.number().min(0).max(1_000_000);
const amount = z.number().min(0).max(1_000_000);
const seed = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

const FIRST_SEED = 1;
const MOST_SEEDS = 10_000;

const topSchema = strict({
  scenario: nameSchema,
  teams: z.unknown().optional(),
  edges: z.unknown().optional(),
  truth: z.unknown().optional(),
  cadence: z.unknown().optional(),
  training: z.unknown().optional(),
  deployment: z.unknown().optional(),
  drift: z.unknown().optional(),
  events: z.unknown().optional(),
  gate: z.unknown().optional(),
  policies: z.unknown().optional(),
  seeds: z.unknown().optional(),
  ticks: z.int().min(1).max(100_000).optional(),
});

const truthSchema = strict({
  width: count.optional(),
  root_width: count.optional(),
  columns: count.optional(),
  root_columns: count.optional(),
  outputs: count.optional(),
  coupling: amount.optional(),
  noise: amount.optional(),
});

const cadenceSchema = strict({
  kind: z.enum(CADENCES).optional(),
  every: z.number().min(0.01).max(1_000_000).optional(),
});

const trainingSchema = strict({
  hidden: hiddenSchema.optional(),
  steps: count.optional(),
  rows: z.int().min(100).max(1_000_000).optional(),
  growth: z.int().min(0).max(1_000_000).optional(),
  held_out: z.int().min(100).max(1_000_000).optional(),
  duration: ticks.optional(),
  staleness: ticks.optional(),
});

const deploymentSchema = strict({ delay: ticks.optional(), coordination: ticks.optional() });
const driftSchema = strict({ inputs: amount.optional(), truth: amount.optional() });

const eventsSchema = strict({
  upgrade: share.optional(),
  downgrade: share.optional(),
  bad_release: share.optional(),
  outage: share.optional(),
  outage_ticks: z.number().min(0.01).max(1_000_000).optional(),
  scripted: z
    .array(
      strict({
        tick: ticks,
        team: z.string(),
        kind: z.enum(SCRIPTED_KINDS),
        ticks: z.number().min(0.01).max(1_000_000).optional(),
        into: z.tuple([nameSchema, nameSchema]).optional(),
      }),
    )
    .optional(),
});

function parsed(
  value: ScenarioKeys,
  reporter: Reporter,
): { readonly scenario: Scenario } | { readonly problems: readonly Problem[] } {
  const top = parseWith(topSchema, value, [], reporter);
  /** The part of a key, with defaults for what it leaves out. */
  function part<S extends z.ZodType<object>, T extends object>(key: string, schema: S, defaults: T): T {
    if (value[key] === undefined) return defaults;
    const given = parseWith(schema, value[key], [key], reporter);
    return given === undefined ? defaults : { ...defaults, ...inCamelCase(given) };
  }
  const teams = parseTeams(value.teams, value.edges, reporter);
  const scenario: Omit<Scenario, "gate"> = {
    name: top?.scenario ?? "",
    teams,
    truth: part("truth", truthSchema, DEFAULT_SCENARIO.truth),
    cadence: part("cadence", cadenceSchema, DEFAULT_SCENARIO.cadence),
    training: part("training", trainingSchema, DEFAULT_SCENARIO.training),
    deployment: part("deployment", deploymentSchema, DEFAULT_SCENARIO.deployment),
    drift: part("drift", driftSchema, DEFAULT_SCENARIO.drift),
    events: part("events", eventsSchema, DEFAULT_SCENARIO.events),
    policies: parsePolicies(value.policies, reporter),
    seeds: parseSeeds(value.seeds, reporter),
    ticks: top?.ticks ?? DEFAULT_SCENARIO.ticks,
  };
  checkScripted(scenario.events.scripted, teams, scenario.ticks, reporter);
  const gate = parseScenarioGate(value.gate, scenario, reporter);
  return reporter.problems.length > 0
    ? { problems: sortedProblems(reporter.problems) }
    : { scenario: { ...scenario, gate } };
}

function inCamelCase(keys: object): object {
  const entries = Object.entries(keys).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([key, value]) => [key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()), value]),
  );
}

function parsePolicies(value: unknown, reporter: Reporter): Scenario["policies"] {
  if (value === undefined) return DEFAULT_SCENARIO.policies;
  const names = parseWith(z.array(z.string()).min(1), value, ["policies"], reporter) ?? [];
  const seen = new Set<string>();
  return names.map((text, at) => {
    const policy = parsePolicy(text);
    const name = "problem" in policy ? text : policy.name;
    if ("problem" in policy) reporter.report(["policies", at], policy.problem);
    else if (seen.has(name)) reporter.report(["policies", at], `duplicate policy "${text}"`);
    seen.add(name);
    return name;
  });
}

function parseSeeds(value: unknown, reporter: Reporter): Scenario["seeds"] {
  if (value === undefined) return DEFAULT_SCENARIO.seeds;
  if (!Array.isArray(value)) {
    const number = parseWith(z.int().min(1).max(MOST_SEEDS), value, ["seeds"], reporter) ?? 1;
    return Array.from({ length: number }, (_, at) => FIRST_SEED + at);
  }
  const seeds = parseWith(z.array(seed).min(1).max(MOST_SEEDS), value, ["seeds"], reporter) ?? [];
  seeds.forEach((one, at) => {
    if (seeds.indexOf(one) < at) reporter.report(["seeds", at], `duplicate seed ${one}`);
  });
  return seeds;
}
