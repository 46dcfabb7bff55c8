import { inParallel } from "../../common/async/in-parallel.ts";
import { availableCpus } from "../../common/available-cpus.ts";
import { UncoupleError } from "../../common/errors.ts";
import { createRandom } from "../../data/random/random.ts";
import type { DataSource } from "../../data/source/data-source.ts";
import type { Table } from "../../data/table/table.ts";
import { takeRows } from "../../data/table/take-rows.ts";
import { rowLosses, type Target, targetOf } from "../../data/targets/losses.ts";
import { targetColumn } from "../../data/targets/target-column.ts";
import { visibleColumns } from "../../data/visibility.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { ancestors, componentNamed, consumers } from "../../pipeline/dag.ts";
import { objectivesOf } from "../../pipeline/objectives.ts";
import type { Component, Pipeline } from "../../pipeline/pipeline.ts";
import { DEFAULT_TEAM, type TeamConfig } from "../../pipeline/team.ts";
import { imputedInputs } from "../component/prepare-inputs.ts";
import type { TrainingBackend } from "../component/training-backend.ts";
import { fitInUnits, unitPlanOf } from "../component/unit-training.ts";
import { encodeDataset } from "../dataset/encoded-dataset.ts";
import { loadSnapshotModel } from "../snapshot/load-snapshot-model.ts";
import type { SnapshotModel } from "../snapshot/snapshot-model.ts";
import type { UnitRunner } from "../units/unit.ts";
import { type Decomposition, decompose, type LearningCurves } from "./decompose.ts";
import { fitProbe } from "./probe.ts";

export interface UpdateToDiagnose {
  readonly pipeline: Pipeline;
  readonly source: DataSource;
  /** The updated component. */
  readonly component: string;
  /**
   * The component whose loss to explain: a descendant of the updated one. For the default, see `diagnosedDownstream`.
   */
  readonly downstream?: string;
  /** A loaded snapshot of every ancestor of the downstream, including the updated component's old one. */
  readonly before: Readonly<Record<string, SnapshotModel>>;
  /** The updated component's new snapshot. */
  readonly after: SnapshotModel;
  /** The downstream team's configuration; defaults to `DEFAULT_TEAM` with a dense network of 64 units. */
  readonly team?: TeamConfig;
  readonly training: TrainingBackend;
  readonly engine: Engine;
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

export interface UpdateDiagnosis extends Decomposition {
  readonly component: string;
  readonly downstream: string;
  readonly trainingRows: number;
  readonly heldOutRows: number;
}

/** Shares of the training rows at which a learning curve is measured. */
const SHARES = [1 / 4, 1 / 2, 1];
/** Repetitions with different subsets and initial weights. */
const SEEDS = 3;

/**
 * Splits the effect of an upstream update on the loss into upstream error, downstream approximation error and
 * downstream estimation error, with the downstream retrained on both snapshots. Trains it on the plain loss (async)
 * whatever its team's protocol, because the decomposition is about the model class.
 *
 * @throws UncoupleError `invalid-argument` (a downstream that does not read from the component), `failed-precondition`
 *   (a missing snapshot, too few rows, a loss that is not finite), `cancelled`
 */
export async function diagnoseUpdate(update: UpdateToDiagnose): Promise<UpdateDiagnosis> {
  const { pipeline, source, component } = update;
  const downstream = diagnosedDownstream(pipeline, component, update.downstream);
  const columns = visibleColumns(pipeline, downstream.name);
  const training = (await source.trainingRows(columns)).table;
  const heldOut = (await source.heldOutRows(columns)).table;
  if (training.rows < 100 || heldOut.rows < 100) {
    const rows = `${training.rows} training rows and ${heldOut.rows} held-out rows`;
    throw new UncoupleError(
      "failed-precondition",
      `a learning curve requires at least 100 rows of each split; found ${rows}`,
    );
  }
  const curves = await measureCurves({
    update,
    downstream,
    training,
    heldOut,
    upstreams: [update.before, { ...update.before, [component]: update.after }],
  });
  const [before, after] = curves as [LearningCurves, LearningCurves];
  return {
    component,
    downstream: downstream.name,
    trainingRows: training.rows,
    heldOutRows: heldOut.rows,
    ...decompose(before, after),
  };
}

/**
 * Finds the component whose loss to explain: the named one, or by default the only objective that reads from the component
 * directly, else the only direct consumer. A weighted sum of losses is explained one component at a time: each has learning
 * curves of its own.
 *
 * @throws UncoupleError `invalid-argument` naming the candidates, `not-found` for a component that does not exist
 */
export function diagnosedDownstream(pipeline: Pipeline, component: string, named?: string): Component {
  componentNamed(pipeline, component);
  if (named !== undefined) {
    const found = componentNamed(pipeline, named);
    if (ancestors(pipeline.components, named).some(({ name }) => name === component)) return found;
    throw new UncoupleError("invalid-argument", `${named} does not read from ${component}`);
  }
  const direct = consumers(pipeline.components, component);
  const objectives = objectivesOf(pipeline).map((one) => one.component);
  const measured = direct.filter(({ name }) => objectives.includes(name));
  const found = [measured, direct].find((some) => some.length === 1)?.[0];
  if (found !== undefined) return found;
  const names = direct.map(({ name }) => name).join(", ");
  throw new UncoupleError(
    "invalid-argument",
    direct.length === 0
      ? `no component reads from ${component}, so its updates affect no downstream`
      : `several components read from ${component} (${names}); choose the one whose loss to explain`,
  );
}

interface CurveParts {
  readonly update: UpdateToDiagnose;
  readonly downstream: Component;
  readonly training: Table;
  readonly heldOut: Table;
  /** Loaded snapshots of every ancestor of the downstream, once for every curve. */
  readonly upstreams: readonly UpdateToDiagnose["before"][];
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

/** The snapshots that a curve trains on, and the held-out rows with their outputs. */
interface Upstream {
  readonly models: UpdateToDiagnose["before"];
  readonly heldOut: Table;
  readonly target: Target;
}

/**
 * Measures the learning curves on every upstream. Every point is independent of the others, so as many are trained side
 * by side as there are processors; the most rows come first, because they take longest.
 */
async function measureCurves(parts: CurveParts): Promise<LearningCurves[]> {
  const { update, downstream, training } = parts;
  const target = targetOf(downstream, targetColumn(downstream, parts.heldOut));
  const points: Point[] = [];
  const curves: LearningCurves[] = [];
  for (const models of parts.upstreams) {
    const needed = ancestors(update.pipeline.components, downstream.name).map(({ name }) => name);
    const read = Object.fromEntries(needed.map((name) => [name, models[name] as SnapshotModel]));
    const { table } = await withImputed(parts, read, parts.heldOut);
    const upstream: Upstream = { models: read, heldOut: table, target };
    const curve = (losses: Point["losses"]): Float64Array[][] =>
      Array.from({ length: SEEDS }, (_, repetition) => {
        const measured: Float64Array[] = [];
        SHARES.forEach((share, size) => {
          points.push({ upstream, curve: measured, share, size, repetition, losses });
        });
        return measured;
      });
    curves.push({ retrained: curve(retrainedLosses), flexible: curve(probeLosses) });
  }
  points.sort((a, b) => b.share - a.share);
  let done = 0;
  await inParallel(
    points,
    update.parallel ?? availableCpus(),
    async ({ upstream, curve, share, size, repetition, losses }) => {
      update.signal?.throwIfAborted();
      const team = teamOf(update, downstream, repetition);
      const order = createRandom(team.seed, "learning-curve").permutation(training.rows);
      const table = takeRows(training, order.subarray(0, Math.round(share * training.rows)));
      curve[size] = await losses(parts, upstream, team, table);
      done += 1;
      update.onProgress?.(done, points.length);
    },
  );
  return curves;
}

async function withImputed({ update, downstream }: CurveParts, upstream: UpdateToDiagnose["before"], table: Table) {
  const imputed = await imputedInputs({ pipeline: update.pipeline, upstream }, downstream, table);
  return { imputed, table: { rows: table.rows, columns: { ...table.columns, ...imputed } } };
}

/** Losses of the team's own model class. */
async function retrainedLosses(
  parts: CurveParts,
  { models, heldOut, target }: Upstream,
  team: TeamConfig,
  table: Table,
): Promise<Float64Array> {
  const model = await retrain(parts, team, table, models);
  try {
    return rowLosses(parts.downstream, await model.predict(heldOut), target);
  } finally {
    await model.dispose();
  }
}

/** Losses of a flexible probe. */
async function probeLosses(
  parts: CurveParts,
  { models, heldOut, target }: Upstream,
  team: TeamConfig,
  table: Table,
): Promise<Float64Array> {
  const { update, downstream } = parts;
  const dataset = encodeDataset(downstream, table, (await withImputed(parts, models, table)).imputed);
  const units = unitPlanOf({ team, engine: update.engine, ...(update.units !== undefined && { units: update.units }) });
  const probe = await fitProbe(dataset, {
    engine: update.engine,
    seed: team.seed,
    ...(units !== undefined && { train: fitInUnits(units) }),
    ...(update.signal !== undefined && { signal: update.signal }),
  });
  return rowLosses(downstream, await probe.predict(heldOut), target);
}

async function retrain(
  { update }: CurveParts,
  team: TeamConfig,
  table: Table,
  upstream: UpdateToDiagnose["before"],
): Promise<SnapshotModel> {
  const { pipeline, engine, units, signal, onOutput } = update;
  const trained = await update.training.train({
    pipeline,
    team,
    table,
    upstream,
    engine,
    ...(units !== undefined && { units }),
    ...(signal !== undefined && { signal }),
    ...(onOutput !== undefined && { onOutput }),
  });
  return loadSnapshotModel(trained.bytes, trained);
}

function teamOf({ team }: UpdateToDiagnose, { name }: Component, repetition: number): TeamConfig {
  const { protocol } = DEFAULT_TEAM;
  const config = team ?? { ...DEFAULT_TEAM, model: { kind: "dense", hidden: [64] } };
  return { ...config, component: name, protocol, seed: config.seed + repetition };
}
