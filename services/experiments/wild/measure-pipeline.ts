import { square } from "../../common/elementary.ts";
import { UncoupleError } from "../../common/errors.ts";
import { mean } from "../../common/statistics.ts";
import { openFileSource } from "../../data/file/file-source.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import { ancestors } from "../../pipeline/dag.ts";
import { soleObjective } from "../../pipeline/objectives.ts";
import type { Component, FileSource, Pipeline } from "../../pipeline/pipeline.ts";
import type { ModelSpec } from "../../pipeline/team.ts";
import { dense, type Lab, type Models, openLab } from "../lab/lab.ts";
import type { Method } from "./methods/method.ts";
import type { WildPipeline } from "./pipelines/wild-pipeline.ts";

const TEST_FRACTION = 0.3;
const SIMPLE: ModelSpec = dense();
const RICH: ModelSpec = dense(32);
/** The model of the component that makes the pipeline's predictions. */
const OBJECTIVE: ModelSpec = dense(16);

/** `richer`: a linear upstream component becomes a network. `simpler`: the reverse. */
export const UPDATES = ["richer", "simpler"] as const;
export type Update = (typeof UPDATES)[number];

/** What one update of one upstream component did, in losses on the held-out rows. */
export interface Measurement {
  readonly method: string;
  /** The updated component. */
  readonly component: string;
  readonly update: Update;
  /** The component's own loss. */
  readonly own: BeforeAfter;
  /** The pipeline's loss. With a method that retrains, everything downstream was trained again. */
  readonly pipeline: BeforeAfter;
  /**
   * The pipeline's loss before the update with the component replaced by the true values, and nothing trained again.
   */
  readonly right: number;
}

export interface BeforeAfter {
  readonly before: number;
  readonly after: number;
}

/** What a component without upstream predicts, compared with the true values on the held-out rows. */
export interface Condition {
  readonly component: string;
  readonly model: ModelSize;
  /** Share of the true values that lie within the range of the predictions: overlap, which causal methods assume. */
  readonly covered: number;
  /** Share of the variance of the true values that the predictions leave unexplained. */
  readonly unexplained: number;
}

export type ModelSize = "simple" | "rich";

/** All measurements of one pipeline on one division of its table. */
export interface PipelineSeed {
  readonly pipeline: string;
  readonly seed: number;
  readonly conditions: readonly Condition[];
  readonly measurements: readonly Measurement[];
  /** Why a method cannot work on this pipeline, by method. */
  readonly inapplicable: Readonly<Record<string, string>>;
}

export interface MeasureOptions {
  readonly pipeline: WildPipeline;
  readonly methods: readonly Method[];
  /** Decides which rows are held out and which are audited, the initial weights, and the batches. */
  readonly seed: number;
  /** The folder of the tables. */
  readonly data: string;
  readonly engine: Engine;
  readonly signal?: AbortSignal;
}

/**
 * Measures every update of every upstream component under every method. The same arguments give the same losses, bit for
 * bit, on the same engine.
 *
 * @throws UncoupleError `not-found` (no table); the reason of the signal once it is aborted
 */
export async function measurePipeline(options: MeasureOptions): Promise<PipelineSeed> {
  const { pipeline, methods, seed, data, engine, signal } = options;
  const spec = sourceOf(pipeline, seed);
  const lab = await openLab(pipelineOf(pipeline, spec), await openFileSource(spec, data), engine, seed, signal);
  const conditions: Condition[] = [];
  const measurements: Measurement[] = [];
  const inapplicable: Record<string, string> = {};
  try {
    const roots = await trainRoots(lab, pipeline);
    for (const { name, target, upstream } of pipeline.components) {
      if (upstream.length > 0) continue;
      for (const model of ["simple", "rich"] as const) {
        const predicted = await lab.predict(name, roots[model]);
        conditions.push({ component: name, model, ...compare(predicted, lab.observed(target)) });
      }
    }
    for (const method of methods) {
      signal?.throwIfAborted();
      try {
        measurements.push(...(await measureMethod(lab, pipeline, method, roots)));
      } catch (thrown) {
        if (!(thrown instanceof UncoupleError) || thrown.code !== "failed-precondition") throw thrown;
        inapplicable[method.name] = thrown.message;
      }
    }
  } finally {
    await lab.close();
  }
  return { pipeline: pipeline.name, seed, conditions, measurements, inapplicable };
}

/** Every seed divides the table anew, because the hash of the key decides which rows are held out and audited. */
function sourceOf({ name }: WildPipeline, seed: number): FileSource {
  return {
    source: "file",
    path: `${name}.csv`,
    query: `SELECT *, '${seed}/' || "row" AS division FROM source`,
    key: "division",
    testFraction: TEST_FRACTION,
    maxBadFraction: 0,
  };
}

function pipelineOf({ name, components }: WildPipeline, data: FileSource): Pipeline {
  return { name, components, objective: (components.at(-1) as Component).name, data };
}

type Roots = Readonly<Record<ModelSize, Models>>;

/** Components without upstream, which train in the same way under every method. */
async function trainRoots(lab: Lab, { components, steps }: WildPipeline): Promise<Roots> {
  const roots: { simple: Record<string, SnapshotModel>; rich: Record<string, SnapshotModel> } = {
    simple: {},
    rich: {},
  };
  for (const { name, upstream } of components) {
    if (upstream.length > 0) continue;
    roots.simple[name] = await lab.train(name, { model: SIMPLE, steps }, {});
    roots.rich[name] = await lab.train(name, { model: RICH, steps }, {});
  }
  return roots;
}

async function measureMethod(lab: Lab, pipeline: WildPipeline, method: Method, roots: Roots): Promise<Measurement[]> {
  const { components } = pipeline;
  const objective = soleObjective(lab.pipeline);
  const isAbove = (above: string, { name }: Component) =>
    ancestors(components, name).some((each) => each.name === above);
  const train = (component: Component, size: ModelSize, models: Models) => {
    const names = ancestors(components, component.name).map(({ name }) => name);
    const { name } = component;
    return method.train({
      lab,
      component: name,
      upstream: Object.fromEntries(names.map((each) => [each, models[each] as SnapshotModel])),
      recipe: { model: modelOf(name === objective, size), steps: pipeline.steps },
      audit: {
        rows: pipeline.audited,
        columns: components.filter((each) => component.upstream.includes(each.name)).map(({ target }) => target),
      },
    });
  };
  const version = async (component: Component, size: ModelSize, models: Models): Promise<SnapshotModel> =>
    component.upstream.length === 0 ? (roots[size][component.name] as SnapshotModel) : train(component, size, models);

  const measurements: Measurement[] = [];
  for (const update of UPDATES) {
    const [from, to] = update === "richer" ? (["simple", "rich"] as const) : (["rich", "simple"] as const);
    const before: Record<string, SnapshotModel> = {};
    for (const component of components) before[component.name] = await version(component, from, before);
    for (const component of components.slice(0, -1)) {
      const { name, target } = component;
      const after: Record<string, SnapshotModel> = { ...before, [name]: await version(component, to, before) };
      const own = { before: await lab.loss(name, before), after: await lab.loss(name, after) };
      if (method.retrains) {
        for (const each of components) if (isAbove(name, each)) after[each.name] = await train(each, from, after);
      }
      measurements.push({
        method: method.name,
        component: name,
        update,
        own,
        pipeline: { before: await lab.loss(objective, before), after: await lab.loss(objective, after) },
        right: await lab.loss(objective, { ...before, [name]: lab.truth(target) }),
      });
    }
  }
  return measurements;
}

function compare(predicted: Float32Array, observed: Float32Array): Pick<Condition, "covered" | "unexplained"> {
  const low = predicted.reduce((a, b) => Math.min(a, b));
  const high = predicted.reduce((a, b) => Math.max(a, b));
  const center = mean(observed);
  return {
    covered: observed.filter((value) => value >= low && value <= high).length / observed.length,
    unexplained:
      mean(observed.map((value, row) => square(value - (predicted[row] as number)))) /
      mean(observed.map((value) => square(value - center))),
  };
}

function modelOf(isObjective: boolean, size: ModelSize): ModelSpec {
  if (isObjective) return OBJECTIVE;
  return size === "simple" ? SIMPLE : RICH;
}
