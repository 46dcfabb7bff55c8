import { inParallel } from "../../common/async/in-parallel.ts";
import { availableCpus } from "../../common/available-cpus.ts";
import { createRandom } from "../../data/random/random.ts";
import type { Table } from "../../data/table/table.ts";
import { takeRows } from "../../data/table/take-rows.ts";
import { rowLosses, targetOf } from "../../data/targets/losses.ts";
import { targetColumn } from "../../data/targets/target-column.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { ancestors } from "../../pipeline/dag.ts";
import type { Component, Pipeline } from "../../pipeline/pipeline.ts";
import { DEFAULT_TEAM, type TeamConfig } from "../../pipeline/team.ts";
import { imputedInputs } from "../component/imputed-inputs.ts";
import type { TrainingBackend } from "../component/training-backend.ts";
import { fitInUnits, unitPlanOf } from "../component/unit-training.ts";
import { encodeDataset } from "../dataset/encoded-dataset.ts";
import { loadSnapshotModel } from "../snapshot/load-snapshot-model.ts";
import type { SnapshotModel } from "../snapshot/snapshot-model.ts";
import type { UnitRunner } from "../units/unit.ts";
import type { LearningCurves } from "./decompose.ts";
import { fitProbe } from "./probe.ts";

/** How the points of learning curves are trained. */
export interface CurveTraining {
  /** The downstream team's configuration; defaults to `DEFAULT_TEAM` with a dense network of 64 units. */
  readonly team?: TeamConfig;
  readonly training: TrainingBackend;
  readonly engine: Engine;
  /** Trainings of each model with different subsets and initial weights: at least `FEWEST_SEEDS`, the default. */
  readonly seeds?: number;
  /** Runs every training and every fit as a unit; default: this process runs them. */
  readonly units?: UnitRunner;
  /** Trainings at a time; defaults to the available processors. */
  readonly parallel?: number;
  readonly signal?: AbortSignal;
  /** Called with the number of trainings done and in total. */
  onProgress?(done: number, total: number): void;
  /** As `ComponentTraining.onOutput`. */
  onOutput?(line: string): void;
}

/** Fewer say too little about how trainings differ. */
export const FEWEST_SEEDS = 3;
/** Shares of the training rows at which a learning curve is measured. */
const SHARES = [1 / 4, 1 / 2, 1];

/** The snapshots that a downstream reads, and what it loses on the held-out rows with them. */
export interface Upstream {
  /** A loaded snapshot of every ancestor of the downstream. */
  readonly models: Readonly<Record<string, SnapshotModel>>;
  /** @returns [row], of the held-out rows */
  losses(downstream: Pick<SnapshotModel, "predict">): Promise<Float64Array>;
}

/** @param models loaded snapshots of at least every ancestor of the downstream @param heldOut with the target */
export async function readUpstream(
  pipeline: Pipeline,
  downstream: Component,
  models: Upstream["models"],
  heldOut: Table,
): Promise<Upstream> {
  const needed = ancestors(pipeline.components, downstream.name).map(({ name }) => name);
  const read = Object.fromEntries(needed.map((name) => [name, models[name] as SnapshotModel]));
  const imputed = await imputedInputs({ pipeline, upstream: read }, downstream, heldOut);
  const table = { rows: heldOut.rows, columns: { ...heldOut.columns, ...imputed.columns } };
  const target = targetOf(downstream, targetColumn(downstream, heldOut));
  return { models: read, losses: async (model) => rowLosses(downstream, await model.predict(table), target) };
}

interface CurveParts extends CurveTraining {
  readonly pipeline: Pipeline;
  readonly downstream: Component;
  /** The training rows. */
  readonly table: Table;
}

/** One point of a learning curve: one model, trained on a share of the rows. */
interface Point {
  readonly upstream: Upstream;
  readonly curve: Float64Array[];
  readonly share: number;
  readonly size: number;
  readonly repetition: number;
  readonly losses: (parts: CurveParts, upstream: Upstream, team: TeamConfig, table: Table) => Promise<Float64Array>;
}

/**
 * Measures the learning curves on every upstream. Every point is independent of the others, so as many are trained side
 * by side as there are processors; the most rows come first, because they take longest.
 */
export async function measureCurves(parts: CurveParts, upstreams: readonly Upstream[]): Promise<LearningCurves[]> {
  const points: Point[] = [];
  const curves = upstreams.map((upstream): LearningCurves => {
    const curve = (losses: Point["losses"]): Float64Array[][] =>
      Array.from({ length: parts.seeds ?? FEWEST_SEEDS }, (_, repetition) => {
        const measured: Float64Array[] = [];
        SHARES.forEach((share, size) => {
          points.push({ upstream, curve: measured, share, size, repetition, losses });
        });
        return measured;
      });
    return { retrained: curve(retrainedLosses), flexible: curve(probeLosses) };
  });
  points.sort((a, b) => b.share - a.share);
  const rows = parts.table.rows;
  let done = 0;
  await inParallel(
    points,
    parts.parallel ?? availableCpus(),
    async ({ upstream, curve, share, size, repetition, losses }) => {
      parts.signal?.throwIfAborted();
      const team = teamOf(parts, repetition);
      const order = createRandom(team.seed, "learning-curve").permutation(rows);
      const table = takeRows(parts.table, order.subarray(0, Math.round(share * rows)));
      curve[size] = await losses(parts, upstream, team, table);
      done += 1;
      parts.onProgress?.(done, points.length);
    },
  );
  return curves;
}

/** Losses of the team's own model class. */
async function retrainedLosses(
  parts: CurveParts,
  upstream: Upstream,
  team: TeamConfig,
  table: Table,
): Promise<Float64Array> {
  const { pipeline, training, engine, units, signal, onOutput } = parts;
  const trained = await training.train({
    pipeline,
    team,
    table,
    upstream: upstream.models,
    engine,
    ...(units !== undefined && { units }),
    ...(signal !== undefined && { signal }),
    ...(onOutput !== undefined && { onOutput }),
  });
  const model = await loadSnapshotModel(trained.bytes, trained);
  try {
    return await upstream.losses(model);
  } finally {
    await model.dispose();
  }
}

/** Losses of a flexible probe. */
async function probeLosses(
  { pipeline, downstream, engine, units, signal }: CurveParts,
  upstream: Upstream,
  team: TeamConfig,
  table: Table,
): Promise<Float64Array> {
  const imputed = await imputedInputs({ pipeline, upstream: upstream.models }, downstream, table);
  const plan = unitPlanOf({ team, engine, ...(units !== undefined && { units }) });
  const probe = await fitProbe(await encodeDataset(downstream, table, imputed), {
    engine,
    seed: team.seed,
    ...(plan !== undefined && { train: fitInUnits(plan) }),
    ...(signal !== undefined && { signal }),
  });
  return upstream.losses(probe);
}

function teamOf({ team, downstream }: CurveParts, repetition: number): TeamConfig {
  const { protocol } = DEFAULT_TEAM;
  const config = team ?? { ...DEFAULT_TEAM, model: { kind: "dense", hidden: [64] } };
  return { ...config, component: downstream.name, protocol, seed: config.seed + repetition };
}
