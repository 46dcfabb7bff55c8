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
import type { Component, Pipeline } from "../../pipeline/pipeline.ts";
import { DEFAULT_TEAM, type TeamConfig } from "../../pipeline/team.ts";
import { imputedInputs } from "../component/prepare-inputs.ts";
import type { TrainingBackend } from "../component/training-backend.ts";
import { encodeDataset } from "../dataset/encoded-dataset.ts";
import { loadSnapshotModel } from "../snapshot/load-snapshot-model.ts";
import type { SnapshotModel } from "../snapshot/snapshot-model.ts";
import { type Decomposition, decompose, type LearningCurves } from "./decompose.ts";
import { fitProbe } from "./probe.ts";

export interface UpdateToDiagnose {
  readonly pipeline: Pipeline;
  readonly source: DataSource;
  /** The updated component. */
  readonly component: string;
  /** Whose loss is explained, a component that reads from it directly or through others; see `diagnosedDownstream`. */
  readonly downstream?: string;
  /** A loaded snapshot of every ancestor of the downstream, with the updated component's old one. */
  readonly before: Readonly<Record<string, SnapshotModel>>;
  /** The updated component's new snapshot. */
  readonly after: SnapshotModel;
  /** The downstream team's configuration; by default a dense network of 64 units and `DEFAULT_TEAM`. */
  readonly team?: TeamConfig;
  readonly training: TrainingBackend;
  readonly engine: Engine;
  readonly signal?: AbortSignal;
  /** Trainings done and in all. */
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

/** Shares of the training rows in which a learning curve is measured. */
const SHARES = [1 / 4, 1 / 2, 1];
/** Repetitions with other subsets and other initial weights. */
const SEEDS = 3;

/**
 * Splits what an upstream update did to the loss, the downstream retrained on both snapshots, into upstream error,
 * downstream approximation error and downstream estimation error. The downstream is trained on the plain loss (async),
 * since what its class could do is the question, whatever protocol its team uses.
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
    const rows = `${training.rows} training rows and ${heldOut.rows} held-out ones`;
    throw new UncoupleError(
      "failed-precondition",
      `a learning curve needs at least 100 rows of each: there are ${rows}`,
    );
  }
  const total = 2 * SEEDS * SHARES.length;
  let done = 0;
  const curves = (upstream: UpdateToDiagnose["before"]) =>
    measureCurves({
      update,
      downstream,
      upstream,
      training,
      heldOut,
      step: () => {
        done += 1;
        update.onProgress?.(done, total);
      },
    });
  const before = await curves(update.before);
  const after = await curves({ ...update.before, [component]: update.after });
  return {
    component,
    downstream: downstream.name,
    trainingRows: training.rows,
    heldOutRows: heldOut.rows,
    ...decompose(before, after),
  };
}

/**
 * The named downstream; without a name the pipeline's objective where it reads from the component directly, or its only
 * direct consumer.
 *
 * @throws UncoupleError `invalid-argument` naming those that there are, `not-found` for a component that does not exist
 */
export function diagnosedDownstream(pipeline: Pipeline, component: string, named?: string): Component {
  componentNamed(pipeline, component);
  if (named !== undefined) {
    const found = componentNamed(pipeline, named);
    if (ancestors(pipeline.components, named).some(({ name }) => name === component)) return found;
    throw new UncoupleError("invalid-argument", `${named} does not read from ${component}`);
  }
  const direct = consumers(pipeline.components, component);
  const found = direct.find(({ name }) => name === pipeline.objective) ?? (direct.length === 1 ? direct[0] : undefined);
  if (found !== undefined) return found;
  const names = direct.map(({ name }) => name).join(", ");
  throw new UncoupleError(
    "invalid-argument",
    direct.length === 0
      ? `nobody reads from ${component}, so its updates have no downstream`
      : `several components read from ${component} (${names}): say whose loss to explain`,
  );
}

interface CurveParts {
  readonly update: UpdateToDiagnose;
  readonly downstream: Component;
  readonly upstream: UpdateToDiagnose["before"];
  readonly training: Table;
  readonly heldOut: Table;
  step(): void;
}

async function measureCurves(parts: CurveParts): Promise<LearningCurves> {
  const { update, downstream, training } = parts;
  const { pipeline } = update;
  const needed = ancestors(pipeline.components, downstream.name).map(({ name }) => name);
  const upstream = Object.fromEntries(needed.map((name) => [name, parts.upstream[name] as SnapshotModel]));
  const withImputed = async (table: Table) => {
    const imputed = await imputedInputs({ pipeline, upstream }, downstream, table);
    return { imputed, table: { rows: table.rows, columns: { ...table.columns, ...imputed } } };
  };
  const heldOut = (await withImputed(parts.heldOut)).table;
  const target: Target = targetOf(downstream, targetColumn(downstream, parts.heldOut));
  const retrained: Float64Array[][] = [];
  const flexible: Float64Array[][] = [];
  for (let repetition = 0; repetition < SEEDS; repetition++) {
    const team = teamOf(update, downstream, repetition);
    const order = createRandom(team.seed, "learning-curve").permutation(training.rows);
    const ofTeam: Float64Array[] = [];
    const ofProbe: Float64Array[] = [];
    for (const share of SHARES) {
      update.signal?.throwIfAborted();
      const table = takeRows(training, order.subarray(0, Math.round(share * training.rows)));
      const model = await retrain(parts, team, table, upstream);
      ofTeam.push(rowLosses(downstream, await model.predict(heldOut), target));
      await model.dispose();
      const dataset = encodeDataset(downstream, table, (await withImputed(table)).imputed);
      const probe = await fitProbe(dataset, {
        engine: update.engine,
        seed: team.seed,
        ...(update.signal !== undefined && { signal: update.signal }),
      });
      ofProbe.push(rowLosses(downstream, await probe.predict(heldOut), target));
      parts.step();
    }
    retrained.push(ofTeam);
    flexible.push(ofProbe);
  }
  return { retrained, flexible };
}

async function retrain(
  { update }: CurveParts,
  team: TeamConfig,
  table: Table,
  upstream: UpdateToDiagnose["before"],
): Promise<SnapshotModel> {
  const { pipeline, engine, signal, onOutput } = update;
  const trained = await update.training.train({
    pipeline,
    team,
    table,
    upstream,
    engine,
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
