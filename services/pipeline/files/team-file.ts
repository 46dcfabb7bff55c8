import { dirname, resolve } from "node:path";
import * as z from "zod";
import { didYouMean } from "../../common/suggest.ts";
import { DURATION, parseDuration } from "../duration.ts";
import type { ModelTest } from "../model-test.ts";
import type { Pipeline } from "../pipeline.ts";
import { absentKeys, type SearchParameters, type SearchSpec } from "../search.ts";
import { originName } from "../shared.ts";
import {
  DEFAULT_TEAM,
  ENGINE_CHOICES,
  type ModelSpec,
  type ProtocolSpec,
  type TeamConfig,
  type TrainWhen,
} from "../team.ts";
import { checkProtocol } from "./check-protocol.ts";
import type { DataColumn } from "./data-column.ts";
import { checkTeamTests } from "./model-test-checks.ts";
import { parseModelTests, type ReadTests } from "./model-tests.ts";
import { parseOptimizer } from "./optimizer-spec.ts";
import type { Problem } from "./problem.ts";
import type { ProtocolCatalog } from "./protocol-catalog.ts";
import { checkSample, parseSample } from "./sample-spec.ts";
import { isRecord, nameSchema, parseWith, strict } from "./schema.ts";
import { checkMeasurements, checkSearch } from "./search-check.ts";
import { withSearchKeys } from "./search-keys.ts";
import { parseSearch } from "./search-spec.ts";
import { parseWorkers } from "./workers-spec.ts";
import { createReporter, type FileMap, type Reporter, readYaml, sortedProblems, type YamlFile } from "./yaml-file.ts";

/**
 * A team file: the decisions of a single team. Only `component` and `model` are required.
 *
 * ```yaml
 * component: m2
 * model: { hidden: [64] }       # or: linear, or: { module: ./my-model.ts }
 * optimizer: { name: adam, learning_rate: 0.01 }
 * batch: 64
 * steps: 4000
 * stop_after: 3000              # ends the training there, on the schedule of all steps; default: steps
 * schedule: { warmup: 100, decay: cosine }
 * protocol: async               # or with parameters: { name: proximal, sigma: 0.15 }
 * seed: 1
 * train: on-demand              # or: on-upstream, or: { every: 10m }
 * engine: auto
 * workers: { slots: 4, sync_every: 50, audit: 0.01, numerics: exact, fallback: local }   # default: none
 * remote_modules: false         # true: requests may name other modules of this folder
 * sets: true                    # false: a gate never moves the component as part of a set
 * tests: [{ monotone: price, direction: decreasing, on_failure: refuse }]  # what its output must be (docs/model-tests.md)
 * sample: { rows: 100000 }      # trains on fewer rows (`sample-spec.ts`)
 * cotrain: false                # true: the trainer trains on candidates that are not released when a gate asks for it
 * search: ...                   # what `uncouple tune` tries: see `search-spec.ts`
 * ```
 */
export interface ParsedTeam {
  readonly team: TeamConfig;
  readonly search?: SearchSpec;
  readonly map: FileMap;
  /** Deprecated keys and values in use, each with the one to use instead. */
  readonly deprecations: readonly Problem[];
}

/** The parts that can be checked against the pipeline even if others have errors. */
export interface ReadableTeam {
  readonly team: Pick<TeamConfig, "component" | "protocol" | "train" | "sample"> & {
    readonly tests?: ReadTests<ModelTest>;
  };
  readonly map: FileMap;
}

const MAX_COUNT = 1_000_000_000;

const teamSchema = strict({
  component: nameSchema,
  model: z.unknown().optional(),
  optimizer: z.unknown().optional(),
  batch: z.int().min(1).max(1_048_576).default(DEFAULT_TEAM.batch),
  steps: z.int().min(1).max(MAX_COUNT).default(DEFAULT_TEAM.steps),
  stop_after: z.int().min(1).max(MAX_COUNT).optional(),
  schedule: z.unknown().optional(),
  protocol: z.unknown().optional(),
  seed: z.int().min(0).default(DEFAULT_TEAM.seed),
  train: z.unknown().optional(),
  engine: z.enum(ENGINE_CHOICES).default(DEFAULT_TEAM.engine),
  workers: z.unknown().optional(),
  remote_modules: z.boolean().default(false),
  sets: z.boolean().default(true),
  cotrain: z.boolean().default(false),
  tests: z.unknown().optional(),
  sample: z.unknown().optional(),
  search: z.unknown().optional(),
});

const denseSchema = strict({ hidden: z.array(z.int().min(1).max(65_536)).max(64) });
const moduleSchema = strict({ module: z.string().min(1) });
const scheduleSchema = strict({
  warmup: z.int().min(0).max(MAX_COUNT).optional(),
  decay: z.enum(["constant", "cosine"]).default(DEFAULT_TEAM.schedule.decay),
});
const protocolSchema = z.looseObject({ name: z.string() });
const everySchema = strict({
  every: z.string().regex(DURATION, { error: "must be a duration like 30s, 10m, 6h or 1d" }),
});

type Outcome = ParsedTeam | { readonly problems: readonly Problem[]; readonly readable?: ReadableTeam };

/**
 * Parses a team file, or reports every problem that can be found without its pipeline.
 * @param fileName the file name in problems; the path of a model module is relative to it
 */
export function parseTeamFile(text: string, fileName: string, protocols?: ProtocolCatalog): Outcome {
  const file = readYaml(text, fileName);
  if (!("map" in file)) return file;
  const { search: _, ...own } = file.value;
  const parsed = parseTeam({ ...file, value: own }, fileName, protocols);
  if (file.value.search === undefined) return parsed;
  const reporter = createReporter(file.map, "problems" in parsed ? parsed.problems : []);
  const search = parseSearch(file.value.search, reporter);
  if (search !== undefined && "team" in parsed) {
    checkSearch(search, (values) => problemsOf(configured(file, fileName, search, values, protocols)), reporter);
  }
  if (search !== undefined && "team" in parsed && reporter.problems.length === 0) return { ...parsed, search };
  const { team, map } = "team" in parsed ? parsed : (parsed.readable ?? {});
  const problems = sortedProblems(reporter.problems);
  return { problems, ...(team !== undefined && map !== undefined && { readable: { team, map } }) };
}

/** Parses a team file with some of its keys set, without its `search`. The lines of problems are those of the file. */
export function parseConfiguredTeam(
  text: string,
  fileName: string,
  parameters: SearchParameters,
  protocols?: ProtocolCatalog,
): ParsedTeam | { readonly problems: readonly Problem[] } {
  const file = readYaml(text, fileName);
  if (!("map" in file)) return file;
  return configured(file, fileName, parseSearch(file.value.search, createReporter(file.map)), parameters, protocols);
}

function configured(
  file: YamlFile,
  fileName: string,
  search: SearchSpec | undefined,
  parameters: SearchParameters,
  protocols?: ProtocolCatalog,
) {
  const value = withSearchKeys(file.value, parameters, absentKeys(search?.parameters ?? [], parameters));
  const parsed = parseTeam({ ...file, value }, fileName, protocols);
  if (search === undefined || "problems" in parsed) return parsed;
  const reporter = createReporter(file.map);
  checkMeasurements(search, parsed.team.steps, reporter);
  return reporter.problems.length === 0 ? parsed : { problems: reporter.problems };
}

const problemsOf = (parsed: Outcome) => ("problems" in parsed ? parsed.problems : []);

function parseTeam(file: YamlFile, fileName: string, protocols?: ProtocolCatalog): Outcome {
  const { map, value } = file;
  const reporter = createReporter(map, file.problems);
  // Without the deprecated key, which must be neither unknown nor suggested.
  const { optimiser: _old, ...current } = value;
  const top = parseWith(teamSchema, current, [], reporter);
  const model = parseModel(value.model, fileName, reporter);
  const deprecated = createReporter(map);
  const optimizer = parseOptimizer(value, reporter, deprecated);
  const schedule = parseWith(scheduleSchema, value.schedule ?? {}, ["schedule"], reporter);
  const protocol = parseProtocol(value.protocol, protocols, reporter, deprecated);
  const train = parseTrain(value.train, reporter);
  const workers = parseWorkers(value.workers, top?.engine, reporter);
  const tests = value.tests === undefined ? undefined : parseModelTests(value.tests, reporter);
  const sample = value.sample === undefined ? undefined : parseSample(value.sample, reporter);
  if (top !== undefined && schedule?.warmup !== undefined && schedule.warmup > top.steps) {
    reporter.report(["schedule", "warmup"], `must be at most steps (${top.steps}), not ${schedule.warmup}`);
  }
  if (top?.stop_after !== undefined && top.stop_after > top.steps) {
    reporter.report(["stop_after"], `must be at most steps (${top.steps}), not ${top.stop_after}`);
  }
  if (
    reporter.problems.length > 0 ||
    top === undefined ||
    model === undefined ||
    optimizer === undefined ||
    schedule === undefined ||
    protocol === undefined ||
    train === undefined
  ) {
    const problems = sortedProblems(reporter.problems);
    const { component } = value;
    if (typeof component !== "string" || protocol === undefined || train === undefined) return { problems };
    return {
      problems,
      readable: { team: { component, protocol, train, ...(tests && { tests }), ...(sample && { sample }) }, map },
    };
  }
  const team: TeamConfig = {
    component: top.component,
    model,
    optimizer,
    batch: top.batch,
    steps: top.steps,
    ...(top.stop_after !== undefined && { stopAfter: top.stop_after }),
    schedule: { warmup: schedule.warmup ?? Math.min(DEFAULT_TEAM.schedule.warmup, top.steps), decay: schedule.decay },
    protocol,
    seed: top.seed,
    train,
    engine: top.engine,
    ...(workers !== undefined && { workers }),
    ...(top.remote_modules && { remoteModules: true }),
    ...(!top.sets && { sets: false }),
    ...(top.cotrain && { cotrain: true }),
    ...(tests && { tests: tests.filter((test) => test !== undefined) }),
    ...(sample && { sample }),
  };
  return { team, map, deprecations: deprecated.problems };
}

/**
 * Checks a team file against its pipeline.
 * @param requiringUpstream protocols that require upstream components
 * @param schema of the pipeline's data, if it is known
 */
export function checkTeamAgainstPipeline(
  parsed: ReadableTeam,
  pipeline: Pipeline,
  requiringUpstream: ReadonlySet<string>,
  schema?: readonly DataColumn[],
): readonly Problem[] {
  const reporter = createReporter(parsed.map);
  const { team } = parsed;
  const names = pipeline.components.map((component) => component.name);
  const component = pipeline.components.find(({ name }) => name === team.component);
  if (component === undefined) {
    const hint = didYouMean(team.component, names);
    reporter.report(
      ["component"],
      `pipeline "${pipeline.name}" has no component "${team.component}"; available: ${names.join(", ")}${hint}`,
    );
    return reporter.problems;
  }
  if (component.from !== undefined) {
    reporter.report(
      ["component"],
      `${component.name} is ${originName(component.from)}; pipeline ${component.from.pipeline} trains it`,
    );
    return reporter.problems;
  }
  checkTeamTests(team.tests ?? [], pipeline, component, schema, reporter);
  if (team.sample !== undefined) checkSample(team.sample, pipeline, component, schema, reporter);
  if (component.upstream.length > 0) return sortedProblems(reporter.problems);
  const why = `requires upstream components, but ${component.name} has none`;
  if (requiringUpstream.has(team.protocol.name)) reporter.report(["protocol"], `${team.protocol.name} ${why}`);
  if (team.train.when === "on-upstream") reporter.report(["train"], `on-upstream ${why}`);
  return sortedProblems(reporter.problems);
}

function parseModel(value: unknown, fileName: string, reporter: Reporter): ModelSpec | undefined {
  if (value === "linear") return { kind: "dense", hidden: [] };
  if (!isRecord(value)) {
    const what = "linear, { hidden: [64] } or { module: ./my-model.ts }";
    reporter.report(["model"], `${value === undefined ? "is missing; " : ""}must be ${what}`);
    return undefined;
  }
  if ("module" in value && "hidden" in value) {
    reporter.report(["model"], "has both hidden and module; use only one of them");
    return undefined;
  }
  if ("module" in value) {
    const parsed = parseWith(moduleSchema, value, ["model"], reporter);
    return parsed === undefined ? undefined : { kind: "module", path: resolve(dirname(fileName), parsed.module) };
  }
  const parsed = parseWith(denseSchema, value, ["model"], reporter);
  return parsed === undefined ? undefined : { kind: "dense", hidden: parsed.hidden };
}

function parseProtocol(
  value: unknown,
  catalog: ProtocolCatalog | undefined,
  reporter: Reporter,
  deprecated: Reporter,
): ProtocolSpec | undefined {
  const path = ["protocol"];
  const given =
    value === undefined ? { name: DEFAULT_TEAM.protocol.name } : typeof value === "string" ? { name: value } : value;
  const parsed = parseWith(protocolSchema, given, path, reporter);
  if (parsed === undefined) return undefined;
  const parameters: Record<string, number | string> = {};
  let valid = true;
  for (const [name, parameter] of Object.entries(parsed)) {
    if (name === "name") continue;
    const checked = parseWith(PARAMETER, parameter, [...path, name], reporter);
    if (checked === undefined) valid = false;
    else parameters[name] = checked;
  }
  const spec = checkProtocol({ name: parsed.name, parameters }, catalog, path, reporter, deprecated);
  return valid ? spec : undefined;
}

const PARAMETER = z.custom<number | string>(
  (value) => typeof value === "string" || (typeof value === "number" && Number.isFinite(value)),
  { error: "must be a finite number or a string" },
);

function parseTrain(value: unknown, reporter: Reporter): TrainWhen | undefined {
  if (value === undefined) return DEFAULT_TEAM.train;
  if (value === "on-demand") return { when: "on-demand" };
  if (value === "on-upstream") return { when: "on-upstream" };
  if (!isRecord(value)) {
    reporter.report(["train"], "must be on-demand, on-upstream or { every: 10m }");
    return undefined;
  }
  const parsed = parseWith(everySchema, value, ["train"], reporter);
  if (parsed === undefined) return undefined;
  const seconds = parseDuration(parsed.every) ?? 0;
  if (seconds >= 1) return { when: "interval", seconds };
  reporter.report(["train", "every"], "must be at least 1s");
  return undefined;
}
