import { createRandom } from "../../data/random/random.ts";
import { createSyntheticSource } from "../../data/synthetic/synthetic-source.ts";
import { rowLosses } from "../../data/targets/losses.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { protocolSpec } from "../../learning/protocols/protocol-spec.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import { soleObjective } from "../../pipeline/objectives.ts";
import { CONFIDENCE_LEVEL } from "../../pipeline/verdict.ts";
import { compareLosses, type LossComparison } from "../../verdicts/paired/compare-losses.ts";
import { type Lab, type Models, openLab } from "../lab/lab.ts";
import { type Proportion, proportion } from "../lab/statistics.ts";
import { type Sizes, STUDENT, type TwoStage, trainUpstreams } from "../paper/two-stage.ts";
import { dagPipeline, onlyAncestors } from "./dag.ts";

/** Protocols of everything downstream of M1. */
export const GAP_PROTOCOLS = ["async", "proximal", "gradient-penalty", "blend", "causal", "causal-proximal"] as const;
export type GapProtocol = (typeof GAP_PROTOCOLS)[number];

export type GapPipeline = "two-stage" | "chain";

/**
 * M1 became right: its output is the truth (`exact`), or that of a model trained until it is nearly perfect (`trained`). Or
 * it only became better (`incremental`, the paper's update of M1^0), which the gap does not claim to forecast.
 */
export const GAP_UPDATES = ["exact", "trained", "incremental"] as const;
export type GapUpdate = (typeof GAP_UPDATES)[number];

/** One forecast, and what became of the pipeline. */
export interface GapTrial {
  readonly pipeline: GapPipeline;
  readonly protocol: GapProtocol;
  /** The M1 before the update. */
  readonly inUse: "initial" | "incremental";
  /** The consistency gap of M1 -> M2, measured on annotated rows. */
  readonly forecast: Outcome;
  /** The same, with mistakes of the annotator: normal noise with half the standard deviation of z. */
  readonly noisyForecast: Outcome;
  /** The verdict on each update, measured on other rows. */
  readonly verdicts: Readonly<Partial<Record<GapUpdate, Outcome>>>;
}

export type Outcome = Pick<LossComparison, "kind" | "relative" | "interval">;

export interface GapRow {
  readonly pipeline: GapPipeline | "all";
  readonly protocol: GapProtocol | "all";
  readonly update: GapUpdate;
  readonly updates: number;
  /** Forecasts with the sign of the verdict, of the verdicts that are `degraded`, and of those that are `improved`. */
  readonly degraded: Proportion;
  readonly improved: Proportion;
  /** Of both together; other verdicts decide nothing. */
  readonly right: Proportion;
  /** The same, of those whose forecast is decided, too. */
  readonly sure: Proportion;
  /** As `right`, by the forecasts from noisy annotations. */
  readonly noisy: Proportion;
  /** Median over all updates of |gap - change in the verdict|, both as fractions of the loss; null without updates. */
  readonly error: number | null;
}

export interface Gap {
  readonly experiment: "gap";
  readonly seeds: readonly number[];
  readonly rows: readonly GapRow[];
  readonly trials: readonly GapTrial[];
}

/** Rows on which gaps are measured; verdicts are given on all others. */
const ANNOTATED_ROWS = 1_000;

/**
 * Forecasts by the consistency gap what an update to a right M1 does, and compares with the verdict on that update. M2 is
 * trained on M1^0 under each protocol; in use is M1^0, or an incremental update of it that M2 does not know. In the chain,
 * M2 and M3 are trained under the protocol one after another, and the gap is about the loss of M3.
 */
export async function gapOf(
  stage: TwoStage,
  seed: number,
  engine: Engine,
  signal?: AbortSignal,
): Promise<readonly GapTrial[]> {
  const { lab, m1 } = stage;
  const trials: GapTrial[] = [];
  for (const protocol of GAP_PROTOCOLS) {
    const m2 = await stage.downstream(protocol);
    for (const inUse of ["initial", "incremental"] as const) {
      const composed = await trial(lab, { m1: m1[inUse], m2 }, m1, "z", seed);
      trials.push({ pipeline: "two-stage", protocol, inUse, ...composed });
    }
  }
  return [...trials, ...(await chainTrials(seed, stage.sizes, engine, signal))];
}

async function chainTrials(seed: number, sizes: Sizes, engine: Engine, signal: AbortSignal | undefined) {
  const pipeline = dagPipeline("chain", seed, sizes.rows);
  const lab = await openLab(pipeline, createSyntheticSource(pipeline.data), engine, seed, signal);
  try {
    const m1 = await trainUpstreams(lab, sizes);
    const trials: GapTrial[] = [];
    for (const protocol of GAP_PROTOCOLS) {
      const models: Record<string, SnapshotModel> = { m1: m1.initial };
      for (const component of pipeline.components.slice(1)) {
        const recipe = { model: STUDENT, steps: sizes.downstreamSteps, protocol: protocolSpec(protocol) };
        models[component.name] = await lab.train(component.name, recipe, onlyAncestors(lab, component, models));
      }
      const composed = await trial(lab, models, m1, "z1", seed);
      trials.push({ pipeline: "chain", protocol, inUse: "initial", ...composed });
    }
    return trials;
  } finally {
    await lab.close();
  }
}

/** @param models in use @param m1 its snapshots @param truth the column of its target */
async function trial(
  lab: Lab,
  models: Models,
  m1: TwoStage["m1"],
  truth: string,
  seed: number,
): Promise<Pick<GapTrial, "forecast" | "noisyForecast" | "verdicts">> {
  const now = await lossesOf(lab, models);
  const compare = async (update: SnapshotModel, from: number, to?: number) => {
    const after = await lossesOf(lab, { ...models, m1: update });
    return compareRows(now.subarray(from, to), after.subarray(from, to), seed);
  };
  return {
    forecast: await compare(lab.truth(truth), 0, ANNOTATED_ROWS),
    noisyForecast: await compare(noisy(lab, truth, seed), 0, ANNOTATED_ROWS),
    verdicts: {
      exact: await compare(lab.truth(truth), ANNOTATED_ROWS),
      trained: await compare(m1.consistent, ANNOTATED_ROWS),
      ...(models.m1 === m1.initial && { incremental: await compare(m1.incremental, ANNOTATED_ROWS) }),
    },
  };
}

/** Every generator's z has a standard deviation of 1. */
const ANNOTATION_NOISE = 0.5;

/** M1 as an annotator with noise sees it. */
function noisy(lab: Lab, truth: string, seed: number): SnapshotModel {
  const values = lab.observed(truth);
  const noise = new Float32Array(values.length);
  createRandom(seed, "annotation-noise").fillGaussian(noise, ANNOTATION_NOISE);
  const annotated = values.map((value, i) => value + (noise[i] as number));
  return { predict: async () => annotated, dispose: async () => {} };
}

async function lossesOf(lab: Lab, models: Models): Promise<Float64Array> {
  const objective = componentNamed(lab.pipeline, soleObjective(lab.pipeline));
  const values = lab.observed(objective.target);
  const target = { kind: "values", rows: values.length / objective.output.width, values } as const;
  return rowLosses(objective, await lab.predict(objective.name, models), target);
}

async function compareRows(current: Float64Array, candidate: Float64Array, seed: number): Promise<Outcome> {
  const settings = { groupings: [], level: CONFIDENCE_LEVEL, minimumEffect: 0, seed };
  const { kind, relative, interval } = (await compareLosses(current, candidate, settings)) as LossComparison;
  return { kind, relative, interval };
}

export function gap(seeds: readonly number[], perSeed: readonly (readonly GapTrial[])[]): Gap {
  const trials = perSeed.flat();
  const rows = GAP_UPDATES.flatMap((update) => [
    ...(["two-stage", "chain"] as const).flatMap((pipeline) =>
      GAP_PROTOCOLS.map((protocol) => {
        const some = trials.filter((each) => each.pipeline === pipeline && each.protocol === protocol);
        return { pipeline, protocol, ...countForecasts(some, update) };
      }),
    ),
    { pipeline: "all" as const, protocol: "all" as const, ...countForecasts(trials, update) },
  ]);
  return { experiment: "gap", seeds, rows, trials };
}

/** Counts how often forecasts have the sign of the verdict. */
export function countForecasts(
  trials: readonly Pick<GapTrial, "forecast" | "noisyForecast" | "verdicts">[],
  update: GapUpdate,
): Omit<GapRow, "pipeline" | "protocol"> {
  const isDecided = ({ kind }: Outcome) => kind === "improved" || kind === "degraded";
  const judged = trials.flatMap(({ forecast, noisyForecast, verdicts }) => {
    const verdict = verdicts[update];
    return verdict === undefined ? [] : [{ forecast, noisyForecast, verdict }];
  });
  const decided = judged.filter(({ verdict }) => isDecided(verdict));
  const right = (some: typeof judged, by: "forecast" | "noisyForecast" = "forecast") =>
    proportion(some.map((each) => Math.sign(each[by].relative ?? 0) === Math.sign(each.verdict.relative ?? 0)));
  return {
    update,
    updates: judged.length,
    degraded: right(decided.filter(({ verdict }) => verdict.kind === "degraded")),
    improved: right(decided.filter(({ verdict }) => verdict.kind === "improved")),
    right: right(decided),
    sure: right(decided.filter(({ forecast }) => isDecided(forecast))),
    noisy: right(decided, "noisyForecast"),
    error: median(judged.map(({ forecast, verdict }) => Math.abs((forecast.relative ?? 0) - (verdict.relative ?? 0)))),
  };
}

/** The middle value; of an even number of values, the upper one. */
function median(values: readonly number[]): number | null {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}
