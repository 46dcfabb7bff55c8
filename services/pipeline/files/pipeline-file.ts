import * as z from "zod";
import { topologicalOrder } from "../dag.ts";
import type { PipelineTest } from "../model-test.ts";
import type { Component, DataSourceSpec, LossName, OutputMeaning, Pipeline } from "../pipeline.ts";
import { DEFAULT_CHAMPIONS } from "../tombstone.ts";
import { parseAudit } from "./audit-spec.ts";
import type { ComponentDraft, DraftEdges, EdgeExpectation } from "./component-draft.ts";
import { parseData } from "./data-spec.ts";
import { parseFreeze } from "./freeze.ts";
import { parseGate } from "./gate-policy.ts";
import { checkGraph } from "./graph-checks.ts";
import { parsePipelineTests, type ReadTests } from "./model-tests.ts";
import { parseObjective } from "./objective.ts";
import type { Problem } from "./problem.ts";
import { parseRowPlace } from "./row-place.ts";
import { columnSchema, isRecord, nameSchema, parseWith, shown, strict } from "./schema.ts";
import { type ExpandedComponents, expandShared } from "./shared-spec.ts";
import { parseSplit } from "./split.ts";
import { parseSlices, parseVerdictPolicy } from "./verdict-policy.ts";
import { parseWebhooks } from "./webhooks.ts";
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
 *                                     # data.held_out: { path: held-out.csv } keeps held-out rows in a place of their own, which
 *                                     # trainers need not reach; data of a component: where its trainer reads (docs/data.md)
 * split: { by: hash, held_out: 20 % } # optional: which rows are held out, by the hash of data.group or data.key; for
 *                                     # data.test_fraction. By time: { by: time, column: day, held_out: 14d, gap: 1d }
 * retention: { keep: 20, champions: 10 }  # optional: evaluators delete other models; default of champions: 10
 * gate: { mode: enforce, margin: 0.5 % }  # optional: which updates are promoted; `gate: {}` observes. All keys:
 *                                     # require: improved | non-inferior, measure: composed | audited | both,
 *                                     # margin, horizon, transition_budget, guards: { m1: 1 % }, slices: [device],
 *                                     # hold: [m1], split: [0.5, 0.3, 0.2], bootstrap: person | newest
 * freeze: [{ weekly: fri 16:00 - mon 08:00, reason: weekend }]  # optional: when nothing is promoted, UTC; or dates:
 *                                     # { from: 2026-12-20, to: 2027-01-04T08:00Z }
 * webhooks: [{ url: https://example.com/hook, on: [held, released], secret_file: hook.key }]  # optional: who is told
 * tests: [{ bounded: { low: 0 }, on_failure: refuse }]  # optional: what composed outputs must be (docs/model-tests.md)
 * ```
 *
 * A component that another pipeline trains is `click: { from: ads/click }`, or `ads/click@7` for one snapshot of it. Its
 * contract is under `shared:`, where `uncouple pipeline lock` writes it (`shared-spec.ts`).
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
  readonly pipeline: Pick<Pipeline, "components" | "data" | "audit" | "slices" | "gate"> & {
    readonly tests?: ReadTests<PipelineTest>;
  };
  readonly map: FileMap;
}

const MAX_WIDTH = 65_536;
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
  gate: z.unknown().optional(),
  freeze: z.unknown().optional(),
  webhooks: z.unknown().optional(),
  tests: z.unknown().optional(),
  shared: z.unknown().optional(),
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
  data: z.unknown().optional(),
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
  const expanded = expandShared(value, reporter);
  const { drafts, all } = parseComponents(expanded, data, reporter);
  const names = all.map(({ name }) => name);
  const optional = <T>(key: string, parse: (value: unknown) => T) =>
    value[key] === undefined ? undefined : parse(value[key]);
  const audit = optional("audit", (given) => parseAudit(given, reporter));
  const retention = optional("retention", (given) => parseWith(retentionSchema, given, ["retention"], reporter));
  const verdict = optional("verdict", (given) => parseVerdictPolicy(given, reporter));
  const slices = optional("slices", (given) => parseSlices(given, data, reporter));
  checkGraph(drafts, all, reporter);
  const objective = parseObjective(value.objective, drafts, names, reporter);
  const gate = optional("gate", (given) => parseGate(given, { names, data, objective, audit, slices }, reporter));
  const freeze = optional("freeze", (given) => parseFreeze(given, reporter));
  const webhooks = optional("webhooks", (given) => parseWebhooks(given, reporter));
  const written = drafts.map(({ edges: _edges, ...component }) => component);
  const tests = optional("tests", (given) => parsePipelineTests(given, { names, objective }, reporter));
  const checked = {
    ...(audit !== undefined && { audit }),
    ...(slices !== undefined && { slices }),
    ...(gate !== undefined && { gate }),
  };
  if (reporter.problems.length > 0 || top === undefined || data === undefined || objective === undefined) {
    const problems = sortedProblems(reporter.problems);
    if (data === undefined) return { problems };
    return {
      problems,
      readable: { pipeline: { components: written, data, ...checked, ...(tests && { tests }) }, map },
    };
  }
  const pipeline: Pipeline = {
    name: top.pipeline,
    components: topologicalOrder(written),
    objective,
    data,
    ...(tests && { tests: tests.filter((test) => test !== undefined) }),
    ...checked,
    ...(verdict !== undefined && { verdict }),
    ...(retention !== undefined && { retention }),
    ...(freeze !== undefined && { freeze }),
    ...(webhooks !== undefined && { webhooks }),
  };
  return { pipeline, map };
}

/** @returns the well-formed components, and the edges of all components */
function parseComponents(
  { components: value, broken, from }: ExpandedComponents,
  data: DataSourceSpec | undefined,
  reporter: Reporter,
): { readonly drafts: readonly ComponentDraft[]; readonly all: readonly DraftEdges[] } {
  if (!isRecord(value)) {
    const what = "must be a mapping of names to components";
    reporter.report(["components"], value === undefined ? `is missing; ${what}` : `${what}, not ${shown(value)}`);
    return { drafts: [], all: [] };
  }
  const names = Object.keys(value);
  if (names.length + broken.length === 0) reporter.report(["components"], "must have at least one component");
  const drafts: ComponentDraft[] = [];
  const all: DraftEdges[] = broken.map((name) => ({ name, upstream: [] }));
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
    const origin = from.get(name);
    const view = parsed.data === undefined ? undefined : parseRowPlace(parsed.data, data, [...path, "data"], reporter);
    if (origin !== undefined && parsed.data !== undefined) {
      reporter.report([...path, "data"], "remove it: another pipeline trains this component");
    }
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
      ...(origin !== undefined && { from: origin }),
      ...(view !== undefined && { data: view }),
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
