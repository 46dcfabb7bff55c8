import * as z from "zod";
import { topologicalOrder } from "../dag.ts";
import type { Component, DataSourceSpec, LossName, OutputMeaning, Pipeline } from "../pipeline.ts";
import { DEFAULT_CHAMPIONS } from "../tombstone.ts";
import { parseAudit } from "./audit-spec.ts";
import type { ComponentDraft, DraftEdges, EdgeExpectation } from "./component-draft.ts";
import { checkGraph } from "./graph-checks.ts";
import { parseObjective } from "./objective.ts";
import type { Problem } from "./problem.ts";
import { columnSchema, isRecord, nameSchema, parseWith, shown, strict } from "./schema.ts";
import { parseSplit } from "./split.ts";
import { parseSlices, parseVerdictPolicy } from "./verdict-policy.ts";
import { createReporter, type FileMap, type Reporter, readYaml, reportRepeats, sortedProblems } from "./yaml-file.ts";

/**
 * The pipeline file, which all teams share:
 *
 * ```yaml
 * pipeline: paper
 * data: { source: synthetic, generator: two-stage, seed: 7, rows: 20000, test_fraction: 0.5 }
 * components:
 *   m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
 *   m2: { columns: [x2], upstream: [m1], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
 * objective: m2                       # the component whose loss is the pipeline loss; default: the only sink
 *                                     # { m1: 1, m2: 0.2 } makes it a weighted sum of several components' losses
 * audit: { rows: 300, columns: [z] }  # optional: training rows with additional annotations
 *                                     # held_out: 1000 measures consistency gaps on that many annotated held-out rows
 * verdict: { minimum_effect: 0.5 % }  # optional: a smaller change of the pipeline loss is `equivalent`
 *                                     # loss_limit: 99 % counts larger losses as that quantile, loss_limit: 20 as 20
 *                                     # horizon: 200 warns from the 201st verdict on the same held-out rows on
 * slices: [device]                    # optional, with data from a file: columns whose values verdicts look at, too
 * split: { by: hash, held_out: 20 % } # optional: which rows are held out, by the hash of data.group or data.key; for
 *                                     # data.test_fraction. By time: { by: time, column: day, held_out: 14d, gap: 1d }
 * retention: { keep: 20, champions: 10 }  # optional: evaluators delete other models; default of champions: 10
 * ```
 *
 * An upstream can declare what its consumer expects, as `{ component: m1, width: 3, meaning: real }`, which is checked
 * against the output of m1. An output of probabilities lists its `classes` instead of a width.
 *
 * A component that chooses actions has the loss `policy`: its output is the probability of every action, and its target
 * the column with the reward of every action. If the data records only the action taken, the target names three columns:
 * `target: { action: a, reward: r, propensity: p }`, the action, its reward, and its probability.
 */
export interface ParsedPipeline {
  readonly pipeline: Pipeline;
  readonly map: FileMap;
}

/** The parts that can be checked against the data even if others have errors. */
export interface ReadableParts {
  readonly pipeline: Pick<Pipeline, "components" | "data" | "audit" | "slices">;
  readonly map: FileMap;
}

const MAX_WIDTH = 65_536;
const fraction = z.number().gt(0).lt(1);
const width = z.int().min(1).max(MAX_WIDTH);
const meaning = z.enum(["real", "probabilities", "scalar"]);

// Each part is parsed separately, so that an error in one does not hide errors in others.
const topSchema = strict({
  pipeline: nameSchema,
  data: z.unknown().optional(),
  components: z.unknown().optional(),
  objective: z.unknown().optional(),
  audit: z.unknown().optional(),
  verdict: z.unknown().optional(),
  slices: z.unknown().optional(),
  split: z.unknown().optional(),
  retention: z.unknown().optional(),
});

const syntheticSchema = strict({
  source: z.literal("synthetic"),
  generator: z.string(),
  parameters: z.record(z.string(), z.number()).optional(),
  seed: z.int().min(0).default(1),
  rows: z.int().min(2).max(2_000_000_000),
  test_fraction: fraction.default(0.2),
});

const fileSchema = strict({
  source: z.literal("file"),
  path: z.string().min(1),
  query: z.string().min(1).optional(),
  key: columnSchema.optional(),
  group: z.union([columnSchema, z.array(columnSchema).min(1).max(2)]).optional(),
  test_fraction: fraction.default(0.2),
  max_bad_fraction: z.number().min(0).max(1).default(0.01),
  expose_keys: z.boolean().default(false),
});

const edgeSchema = strict({ component: z.string(), width: width.optional(), meaning: meaning.optional() });

const componentSchema = strict({
  columns: z.array(columnSchema).default([]),
  // A string or an edge. Parsed by the kind of value found, for more precise errors.
  upstream: z.array(z.unknown()).default([]),
  output: strict({
    name: z.string().regex(/^[A-Za-z_][\w.-]{0,99}$/, {
      error:
        "must start with a letter or underscore and have at most 100 letters, digits, dots, hyphens and underscores",
    }),
    width: width.optional(),
    meaning: meaning.default("real"),
    classes: z.array(z.string()).min(2).max(MAX_WIDTH).optional(),
  }),
  // A column or logged actions. Parsed by the kind of value found, for more precise errors.
  target: z.unknown(),
  loss: z.enum(["mse", "cross-entropy", "policy"]).optional(),
});

const loggedSchema = strict({ action: columnSchema, reward: columnSchema, propensity: columnSchema });

const retentionSchema = strict({
  keep: z.int().min(1).max(1_000_000),
  champions: z.int().min(0).max(1_000_000).default(DEFAULT_CHAMPIONS),
});

/**
 * Parses a pipeline file, or reports every problem that can be found without its data.
 * @param fileName the file name in problems
 */
export function parsePipelineFile(
  text: string,
  fileName: string,
): ParsedPipeline | { readonly problems: readonly Problem[]; readonly readable?: ReadableParts } {
  const file = readYaml(text, fileName);
  if (!("map" in file)) return file;
  const { map, value } = file;
  const reporter = createReporter(map, file.problems);
  const top = parseWith(topSchema, value, [], reporter);
  const data = parseSplit(parseData(value.data, reporter), value, reporter);
  const { drafts, all } = parseComponents(value.components, reporter);
  const names = all.map(({ name }) => name);
  const audit = value.audit === undefined ? undefined : parseAudit(value.audit, reporter);
  const retention =
    value.retention === undefined ? undefined : parseWith(retentionSchema, value.retention, ["retention"], reporter);
  const verdict = value.verdict === undefined ? undefined : parseVerdictPolicy(value.verdict, reporter);
  const slices = value.slices === undefined ? undefined : parseSlices(value.slices, data, reporter);
  checkGraph(drafts, all, reporter);
  const objective = parseObjective(value.objective, drafts, names, reporter);
  const written = drafts.map(({ edges: _edges, ...component }) => component);
  const annotated = audit === undefined ? {} : { audit };
  if (reporter.problems.length > 0 || top === undefined || data === undefined || objective === undefined) {
    const problems = sortedProblems(reporter.problems);
    if (data === undefined) return { problems };
    const sliced = slices === undefined ? {} : { slices };
    return { problems, readable: { pipeline: { components: written, data, ...annotated, ...sliced }, map } };
  }
  const components = topologicalOrder(written);
  const optional = {
    ...annotated,
    ...(verdict !== undefined && { verdict }),
    ...(slices !== undefined && { slices }),
    ...(retention !== undefined && { retention }),
  };
  const pipeline: Pipeline = { name: top.pipeline, components, objective, data, ...optional };
  return { pipeline, map };
}

function parseData(value: unknown, reporter: Reporter): DataSourceSpec | undefined {
  const source = isRecord(value) ? value.source : undefined;
  if (source === "file") {
    const parsed = parseWith(fileSchema, value, ["data"], reporter);
    if (parsed === undefined) return undefined;
    const { path, query, key, group } = parsed;
    if (Array.isArray(group)) reportRepeats(group, ["data", "group"], reporter);
    return {
      source,
      path,
      ...(query === undefined ? {} : { query }),
      ...(key === undefined ? {} : { key }),
      ...(group === undefined ? {} : { group: typeof group === "string" ? [group] : group }),
      testFraction: parsed.test_fraction,
      maxBadFraction: parsed.max_bad_fraction,
      ...(parsed.expose_keys && { exposeKeys: true }),
    };
  }
  if (source === "synthetic") {
    const parsed = parseWith(syntheticSchema, value, ["data"], reporter);
    if (parsed === undefined) return undefined;
    const { generator, parameters, seed, rows } = parsed;
    return {
      source,
      generator,
      ...(parameters === undefined ? {} : { parameters }),
      seed,
      rows,
      testFraction: parsed.test_fraction,
    };
  }
  if (!isRecord(value)) {
    const what = "must be a mapping (key: value)";
    reporter.report(["data"], value === undefined ? `is missing; ${what}` : `${what}, not ${shown(value)}`);
  } else {
    parseWith(z.looseObject({ source: z.enum(["synthetic", "file"]) }), value, ["data"], reporter);
  }
  return undefined;
}

/** @returns the well-formed components, and the edges of all components */
function parseComponents(
  value: unknown,
  reporter: Reporter,
): { readonly drafts: readonly ComponentDraft[]; readonly all: readonly DraftEdges[] } {
  if (!isRecord(value)) {
    const what = "must be a mapping of names to components";
    reporter.report(["components"], value === undefined ? `is missing; ${what}` : `${what}, not ${shown(value)}`);
    return { drafts: [], all: [] };
  }
  const names = Object.keys(value);
  if (names.length === 0) reporter.report(["components"], "must have at least one component");
  const drafts: ComponentDraft[] = [];
  const all: DraftEdges[] = [];
  for (const name of names) {
    const path = ["components", name];
    parseWith(nameSchema, name, path, reporter);
    const parsed = parseWith(componentSchema, value[name], path, reporter);
    const upstream = isRecord(value[name]) ? value[name].upstream : undefined;
    const edges = parseEdges(upstream, [...path, "upstream"], reporter);
    all.push({ name, upstream: edges.map((edge) => edge.component) });
    const target = parseTarget(isRecord(value[name]) ? value[name].target : undefined, [...path, "target"], reporter);
    if (parsed === undefined || target === undefined) continue;
    const { columns, output } = parsed;
    reportRepeats(columns, [...path, "columns"], reporter);
    drafts.push({
      name,
      columns,
      upstream: edges.map((edge) => edge.component),
      edges,
      output: {
        name: output.name,
        width: output.width ?? output.classes?.length ?? 1,
        meaning: output.meaning,
        ...(output.classes === undefined ? {} : { classes: output.classes }),
      },
      loss: parsed.loss ?? defaultLoss(output.meaning, target),
      ...target,
    });
  }
  return { drafts, all };
}

function defaultLoss(meaning: OutputMeaning, { logged }: TargetDraft): LossName {
  if (logged !== undefined) return "policy";
  return meaning === "probabilities" ? "cross-entropy" : "mse";
}

type TargetDraft = Pick<Component, "target" | "logged">;

function parseTarget(value: unknown, path: readonly string[], reporter: Reporter): TargetDraft | undefined {
  if (isRecord(value)) {
    const parsed = parseWith(loggedSchema, value, path, reporter);
    if (parsed === undefined) return undefined;
    return { target: parsed.reward, logged: { action: parsed.action, propensity: parsed.propensity } };
  }
  if (value === undefined) {
    reporter.report(path, "is missing; must be a column name");
    return undefined;
  }
  const target = parseWith(columnSchema, value, path, reporter);
  return target === undefined ? undefined : { target };
}

function parseEdges(value: unknown, path: readonly string[], reporter: Reporter): readonly EdgeExpectation[] {
  if (!Array.isArray(value)) return [];
  const edges: EdgeExpectation[] = [];
  value.forEach((entry: unknown, index) => {
    const edge = isRecord(entry)
      ? parseWith(edgeSchema, entry, [...path, index], reporter)
      : asEdge(parseWith(z.string(), entry, [...path, index], reporter));
    if (edge !== undefined) edges.push(edge);
  });
  reportRepeats(
    edges.map((edge) => edge.component),
    path,
    reporter,
  );
  return edges;
}

function asEdge(component: string | undefined): EdgeExpectation | undefined {
  return component === undefined ? undefined : { component };
}
