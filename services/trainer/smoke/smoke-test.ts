import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import type { DataSource } from "../../data/source/data-source.ts";
import type { Table } from "../../data/table/table.ts";
import { loadHosted, modelOfBytes } from "../../inference/hosted-model.ts";
import type { Inference } from "../../inference/inference.ts";
import { madeUpValues } from "../../inference/offline/made-up-rows.ts";
import { reportModel } from "../../inference/offline/report-model.ts";
import type { TrainedComponent, TrainingBackend } from "../../learning/component/training-backend.ts";
import { snapshotContract } from "../../learning/snapshot/snapshot-contract.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import { ancestors, componentNamed } from "../../pipeline/dag.ts";
import type { TrainedTest } from "../../pipeline/model-test.ts";
import type { Component, Pipeline } from "../../pipeline/pipeline.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import { visibleColumns } from "../../pipeline/visible-columns.ts";
import type { Engines } from "../engines.ts";
import { createTestModel } from "../runs/test-model.ts";
import { createTrainedRows } from "../runs/trained-rows.ts";
import { type LossTrend, lossTrend } from "./loss-trend.ts";

export interface SmokeSettings {
  /** Most training rows of a component, at least 1. */
  readonly rows: number;
  /** Most steps of a training, at least 1. */
  readonly steps: number;
}

export interface SmokeDeps {
  /** What the trainer of a component reads. */
  readonly dataOf: (component: string) => DataSource;
  readonly engines: Pick<Engines, "open">;
  readonly training: TrainingBackend;
  readonly inference: Inference;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What became of one component. */
export interface SmokeResult {
  readonly component: string;
  readonly passed: boolean;
  /** Rows and steps that it trained on; 0 if it did not come to that. */
  readonly rows: number;
  readonly steps: number;
  /** Null if the training failed. */
  readonly loss: LossTrend | null;
  /** As `TrainedComponent.model` and `engine`. */
  readonly model: string | null;
  readonly engine: string | null;
  /** Size of the ONNX model. */
  readonly bytes: number | null;
  /** Components above whose outputs were made up, because no team file was given or they failed. */
  readonly madeUp: readonly string[];
  /** The team's tests of its model. A model this small may fail them and pass. */
  readonly tests: readonly TrainedTest[];
  readonly warnings: readonly string[];
  /** Why it did not pass; null if it did. */
  readonly error: string | null;
  readonly seconds: number;
}

/**
 * Trains every component for which there is a team, on a few of its training rows and for a few steps, each on the outputs of
 * the ones before it, and checks the models as an evaluator would. Publishes nothing and needs no registry.
 *
 * @param teams in an order in which no component comes before one that it reads
 * @throws UncoupleError `internal`, and the reason of the signal; what else goes wrong is in the results
 */
export async function* smokeTest(
  pipeline: Pipeline,
  teams: readonly TeamConfig[],
  settings: SmokeSettings,
  deps: SmokeDeps,
): AsyncGenerator<SmokeResult, void, void> {
  const { clock, signal } = deps;
  const trained = new Map<string, TrainedComponent>();
  for (const team of teams) {
    signal.throwIfAborted();
    const started = clock.elapsed();
    const above = ancestors(pipeline.components, team.component).map(({ name }) => name);
    const report: Report = { rows: 0, losses: [], tests: [], warnings: [] };
    let error: string | null = null;
    try {
      await smokeOne(pipeline, team, settings, deps, trained, report);
    } catch (thrown) {
      signal.throwIfAborted();
      const { code, message } = asUncoupleError(thrown);
      if (code === "internal") throw thrown;
      error = message;
    }
    const { rows, losses, tests, warnings, model } = report;
    // A model that was refused is not used further down.
    if (error === null && model !== undefined) trained.set(team.component, model);
    yield {
      component: team.component,
      passed: error === null,
      rows,
      steps: losses.length,
      loss: losses.length === 0 ? null : lossTrend(losses),
      model: model?.model ?? null,
      engine: model?.engine ?? null,
      bytes: model?.bytes.length ?? null,
      madeUp: above.filter((name) => !trained.has(name)),
      tests,
      warnings,
      error,
      seconds: (clock.elapsed() - started) / 1000,
    };
  }
}

/** What is known so far about a component. */
interface Report {
  rows: number;
  readonly losses: number[];
  tests: readonly TrainedTest[];
  readonly warnings: string[];
  model?: TrainedComponent;
}

async function smokeOne(
  pipeline: Pipeline,
  { tests = [], ...team }: TeamConfig,
  settings: SmokeSettings,
  { dataOf, engines, training, inference, signal }: SmokeDeps,
  trained: ReadonlyMap<string, TrainedComponent>,
  report: Report,
): Promise<void> {
  const component = componentNamed(pipeline, team.component);
  const source = dataOf(component.name);
  const visible = visibleColumns(pipeline, component.name);
  const schema = await source.schema();
  const above = ancestors(pipeline.components, component.name);
  const load = async (name: string): Promise<SnapshotModel> => {
    const model = trained.get(name);
    if (model === undefined) return madeUpModel(componentNamed(pipeline, name));
    return loadHosted(inference, modelOfBytes(`the model of ${name}`, model.bytes, model), signal);
  };
  const upstream = Object.fromEntries(await Promise.all(above.map(async ({ name }) => [name, await load(name)])));
  const { table } = await source.sampleRows(visible, [], settings.rows);
  report.rows = table.rows;
  const audit = await auditRows(source, pipeline, visible, settings.rows);
  const oracle = source.oracle(component.name);
  report.model = await training.train({
    pipeline,
    team: shortened(team, table.rows, settings.steps),
    table,
    upstream,
    ...(audit !== undefined && { audit }),
    ...(oracle !== undefined && { oracle }),
    engine: await engines.open(team.engine),
    signal,
    onProgress: ({ losses }) => void report.losses.push(...losses),
    onWarning: (message) => void report.warnings.push(message),
  });
  const { bytes } = report.model;
  const pins = { upstream: Object.fromEntries(above.map(({ name }) => [name, 1])), parent: null };
  const generations = { current: async () => undefined };
  const withRows = createTrainedRows(pipeline, component.name, { source, generations, inference, load });
  await withRows(bytes, settings.rows, pins, signal, async ({ table: inputs }) => {
    const subject = {
      contract: snapshotContract(pipeline, component, schema),
      output: component.output,
      table: inputs,
    };
    const { accepted, detail } = await reportModel(`the model of ${component.name}`, bytes, inference, subject, signal);
    if (!accepted) throw new UncoupleError("failed-precondition", `an evaluator would refuse the model: ${detail}`);
  });
  report.tests = await createTestModel(pipeline, component.name, withRows)(tests, bytes, pins, signal);
  const { first, last, trend } = lossTrend(report.losses);
  if (trend === "rose") {
    throw new UncoupleError(
      "failed-precondition",
      `the training loss rose from ${first.toPrecision(4)} to ${last.toPrecision(4)}`,
    );
  }
}

async function auditRows(
  source: DataSource,
  { audit }: Pipeline,
  visible: readonly string[],
  most: number,
): Promise<Table | undefined> {
  const { columns, rows } = audit ?? {};
  if (columns === undefined || rows === undefined) return undefined;
  return (await source.auditRows(visible, columns, Math.min(rows, most))).table;
}

/** The same training with fewer steps and rows. Its rows are chosen already, so it has no sample. */
function shortened({ stopAfter, sample: _, ...team }: TeamConfig, rows: number, most: number): TeamConfig {
  const steps = Math.min(stopAfter ?? team.steps, most);
  const warmup = Math.min(team.schedule.warmup, Math.floor(steps / 10));
  return { ...team, steps, batch: Math.min(team.batch, rows), schedule: { ...team.schedule, warmup } };
}

/** Stands for a component without a model. */
function madeUpModel({ output: { name, width, meaning } }: Component): SnapshotModel {
  return {
    predict: async ({ rows }) => madeUpValues(name, width, rows, meaning),
    dispose: async () => {},
  };
}
