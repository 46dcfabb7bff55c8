import { mean } from "../../common/statistics.ts";
import { clusteredRate, type Estimate, type Rate, relativeChange } from "./estimates.ts";
import { type Measurement, type ModelSize, type PipelineSeed, UPDATES, type Update } from "./measure-pipeline.ts";
import type { Method } from "./methods/method.ts";
import type { WildPipeline } from "./pipelines/wild-pipeline.ts";

/** The rise of the pipeline's loss that counts as harm, as a fraction. Smaller ones are within the noise of training. */
export const HARM = 0.01;

/** The method that today's losses of the others are compared with. */
const REFERENCE = "async";

/** What the updates of one component did under one method. All changes are fractions of the loss before. */
export interface EdgeResult {
  readonly pipeline: string;
  readonly component: string;
  readonly method: string;
  /**
   * The consistency gap: how the pipeline's loss would change if the component were right about every row, nothing trained
   * again. By the component's model that everything downstream was trained on.
   */
  readonly gap: Readonly<Record<ModelSize, Estimate>>;
  /** The updates that improved the component's own loss on the held-out rows. */
  readonly improvements: Readonly<Record<Update, Improvements>>;
}

export interface Improvements {
  /** Updates, and those among them that improved the component. */
  readonly updates: number;
  readonly improved: number;
  /** Of the improved: how the own loss and the pipeline's loss changed; null without any. */
  readonly own: Estimate | null;
  readonly change: Estimate | null;
  /** Of the improved: the share that raised the pipeline's loss by more than `HARM`. */
  readonly harm: Rate;
}

/** One method over all pipelines in which it works. */
export interface MethodResult {
  readonly method: string;
  /** Whether everything downstream trained again after an update. */
  readonly retrains: boolean;
  readonly pipelines: number;
  /** The share of improvements that raised the pipeline's loss by more than `HARM`. */
  readonly harm: Rate;
  /** By how much those raised it; null without any. */
  readonly size: Estimate | null;
  /** How all improvements changed the pipeline's loss. */
  readonly change: Estimate | null;
  /** The consistency gap over all components and models. */
  readonly gap: Estimate | null;
  /** Loss before any update, relative to async in the same pipelines; null without async. */
  readonly today: Estimate | null;
  /** Annotated rows that it uses, on average over pipelines. */
  readonly auditedRows: number;
}

/** Whether assumptions of causal methods hold for a component without upstream: means over seeds. */
export interface EdgeConditions {
  readonly pipeline: string;
  readonly component: string;
  /** As `Condition.covered` and `Condition.unexplained`, in [0, 1]. */
  readonly covered: Readonly<Record<ModelSize, number>>;
  readonly unexplained: Readonly<Record<ModelSize, number>>;
}

/** The losses behind the results: one entry for each seed in every array, in the order of the seeds. */
export interface MeasuredUpdates {
  readonly pipeline: string;
  readonly method: string;
  readonly component: string;
  readonly update: Update;
  readonly own: { readonly before: readonly number[]; readonly after: readonly number[] };
  readonly pipelineLoss: { readonly before: readonly number[]; readonly after: readonly number[] };
  readonly right: readonly number[];
}

export interface BenchmarkResults {
  readonly benchmark: "self-defeating improvements in the wild";
  readonly seeds: readonly number[];
  readonly pipelines: readonly { readonly name: string; readonly summary: string; readonly audited: number }[];
  readonly conditions: readonly EdgeConditions[];
  readonly methods: readonly MethodResult[];
  readonly edges: readonly EdgeResult[];
  /** Where a method cannot work, and why. */
  readonly inapplicable: readonly { readonly pipeline: string; readonly method: string; readonly reason: string }[];
  readonly measured: readonly MeasuredUpdates[];
}

/** Summarizes what `runBenchmark` measured, in the same order. Depends on nothing else, so equal runs give equal results. */
export function benchmarkResults(
  pipelines: readonly WildPipeline[],
  methods: readonly Method[],
  seeds: readonly number[],
  allParts: readonly PipelineSeed[],
): BenchmarkResults {
  const inapplicable = inapplicableOf(pipelines, methods, allParts);
  // A method that works on some seeds of a pipeline only would be compared with others on fewer divisions of its table.
  const parts = allParts.map((part) => ({
    ...part,
    measurements: part.measurements.filter(
      (each) => !inapplicable.some(({ pipeline, method }) => pipeline === part.pipeline && method === each.method),
    ),
  }));
  const bySeed = (choose: (measurement: Measurement, pipeline: string) => boolean): Measurement[][] =>
    seeds.map((seed) =>
      parts
        .filter((part) => part.seed === seed)
        .flatMap(({ pipeline, measurements }) => measurements.filter((each) => choose(each, pipeline))),
    );
  const edges: EdgeResult[] = [];
  const measured: MeasuredUpdates[] = [];
  for (const pipeline of pipelines) {
    for (const { name: component } of pipeline.components.slice(0, -1)) {
      for (const { name: method } of methods) {
        const ofEdge = (update: Update) =>
          bySeed(
            (each, of) =>
              of === pipeline.name && each.component === component && each.method === method && each.update === update,
          );
        const [richer, simpler] = [ofEdge("richer"), ofEdge("simpler")];
        const [simple, rich] = [gapOf(richer), gapOf(simpler)];
        if (simple === null || rich === null) continue;
        edges.push({
          pipeline: pipeline.name,
          component,
          method,
          gap: { simple, rich },
          improvements: { richer: improvementsOf(richer), simpler: improvementsOf(simpler) },
        });
        for (const update of UPDATES) {
          measured.push({
            pipeline: pipeline.name,
            method,
            component,
            update,
            ...columnsOf((update === "richer" ? richer : simpler).flat()),
          });
        }
      }
    }
  }
  const results: MethodResult[] = [];
  for (const { name, audited, retrains } of methods) {
    const own = bySeed((each) => each.method === name);
    const where = pipelines.filter((pipeline) =>
      edges.some((edge) => edge.method === name && edge.pipeline === pipeline.name),
    );
    const harmed = own.map((ofSeed) => improved(ofSeed).filter(isHarm));
    const rows = where.reduce((sum, pipeline) => sum + pipeline.audited, 0);
    results.push({
      method: name,
      retrains,
      pipelines: where.length,
      harm: harmRate(own),
      size: changeOf(harmed),
      change: changeOf(own.map(improved)),
      gap: gapOf(own),
      today: todayOf(name, seeds, parts),
      auditedRows: audited && where.length > 0 ? rows / where.length : 0,
    });
  }
  return {
    benchmark: "self-defeating improvements in the wild",
    seeds,
    pipelines: pipelines.map(({ name, summary, audited }) => ({ name, summary, audited })),
    conditions: conditionsOf(pipelines, parts),
    methods: results,
    edges,
    inapplicable,
    measured,
  };
}

const improved = (measurements: readonly Measurement[]): Measurement[] =>
  measurements.filter(({ own }) => own.after < own.before);

const isHarm = ({ pipeline: { before, after } }: Measurement): boolean => after > (1 + HARM) * before;

const gapOf = (bySeed: readonly (readonly Measurement[])[]): Estimate | null =>
  relativeChange(bySeed.map((ofSeed) => ofSeed.map(({ pipeline, right }) => ({ from: pipeline.before, to: right }))));

const changeOf = (bySeed: readonly (readonly Measurement[])[]): Estimate | null =>
  relativeChange(bySeed.map((ofSeed) => ofSeed.map(({ pipeline }) => ({ from: pipeline.before, to: pipeline.after }))));

const harmRate = (bySeed: readonly (readonly Measurement[])[]): Rate =>
  clusteredRate(
    bySeed.map((ofSeed) => {
      const better = improved(ofSeed);
      return { count: better.filter(isHarm).length, trials: better.length };
    }),
  );

function improvementsOf(bySeed: readonly (readonly Measurement[])[]): Improvements {
  const better = bySeed.map(improved);
  const own = better.map((ofSeed) => ofSeed.map((each) => ({ from: each.own.before, to: each.own.after })));
  return {
    updates: bySeed.flat().length,
    improved: better.flat().length,
    own: relativeChange(own),
    change: changeOf(better),
    harm: harmRate(bySeed),
  };
}

/** Compares the losses before updates with those of async in the same pipeline, on the same seed and upstream models. */
function todayOf(method: string, seeds: readonly number[], parts: readonly PipelineSeed[]): Estimate | null {
  return relativeChange(
    seeds.map((seed) =>
      parts
        .filter((part) => part.seed === seed)
        .flatMap(({ measurements }) =>
          measurements
            .filter((each) => each.method === method)
            .flatMap((each) => {
              const reference = measurements.find(
                (other) =>
                  other.method === REFERENCE && other.component === each.component && other.update === each.update,
              );
              return reference === undefined ? [] : [{ from: reference.pipeline.before, to: each.pipeline.before }];
            }),
        ),
    ),
  );
}

function conditionsOf(pipelines: readonly WildPipeline[], parts: readonly PipelineSeed[]): EdgeConditions[] {
  return pipelines.flatMap(({ name: pipeline, components }) => {
    const all = parts.filter((part) => part.pipeline === pipeline).flatMap(({ conditions }) => conditions);
    const meanOf = (component: string, model: ModelSize, what: "covered" | "unexplained") =>
      mean(all.filter((each) => each.component === component && each.model === model).map((each) => each[what]));
    const bySize = (component: string, what: "covered" | "unexplained") => ({
      simple: meanOf(component, "simple", what),
      rich: meanOf(component, "rich", what),
    });
    return components
      .filter(({ upstream }) => upstream.length === 0)
      .map(({ name }) => ({
        pipeline,
        component: name,
        covered: bySize(name, "covered"),
        unexplained: bySize(name, "unexplained"),
      }));
  });
}

function inapplicableOf(
  pipelines: readonly WildPipeline[],
  methods: readonly Method[],
  parts: readonly PipelineSeed[],
): BenchmarkResults["inapplicable"] {
  return pipelines.flatMap(({ name: pipeline }) =>
    methods.flatMap(({ name: method }) => {
      const reason = parts.find((part) => part.pipeline === pipeline && part.inapplicable[method] !== undefined)
        ?.inapplicable[method];
      return reason === undefined ? [] : [{ pipeline, method, reason }];
    }),
  );
}

function columnsOf(measurements: readonly Measurement[]): Pick<MeasuredUpdates, "own" | "pipelineLoss" | "right"> {
  return {
    own: { before: measurements.map(({ own }) => own.before), after: measurements.map(({ own }) => own.after) },
    pipelineLoss: {
      before: measurements.map(({ pipeline }) => pipeline.before),
      after: measurements.map(({ pipeline }) => pipeline.after),
    },
    right: measurements.map(({ right }) => right),
  };
}
