import { UncoupleError } from "../../common/errors.ts";
import { divideHeldOut, takeHeldOut } from "../../data/held-out-parts.ts";
import type { DataSource } from "../../data/source/data-source.ts";
import { heldOutColumns } from "../../data/visibility.ts";
import { ancestors, componentNamed, consumers } from "../../pipeline/dag.ts";
import type { PartShares } from "../../pipeline/gate.ts";
import { groupColumns } from "../../pipeline/group-columns.ts";
import { objectivesOf } from "../../pipeline/objectives.ts";
import type { Component, Pipeline } from "../../pipeline/pipeline.ts";
import { visibleColumns } from "../../pipeline/visible-columns.ts";
import type { SnapshotModel } from "../snapshot/snapshot-model.ts";
import { type Decomposition, decompose, type LearningCurves, type MeasuredUpdate } from "./decompose.ts";
import { type CurveTraining, FEWEST_SEEDS, measureCurves, readUpstream } from "./learning-curves.ts";

export interface UpdateToDiagnose extends CurveTraining {
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
  /** The downstream that the update found in use. Without it, `retraining` is null. */
  readonly inUse?: SnapshotModel;
  /** How the held-out rows are divided, of which only screen rows are used. Default: all are. */
  readonly split?: PartShares;
}

export interface UpdateDiagnosis extends Decomposition {
  readonly component: string;
  readonly downstream: string;
  readonly seeds: number;
  readonly trainingRows: number;
  readonly heldOutRows: number;
}

/**
 * Splits the effect of an upstream update on the loss into upstream error, downstream approximation error and
 * downstream estimation error, with the downstream retrained on both snapshots, and says whether retraining repairs an
 * update that degrades the pipeline. Trains the downstream on the plain loss (async) whatever its team's protocol, because
 * the decomposition is about the model class.
 *
 * @throws UncoupleError `invalid-argument` (a downstream that does not read from the component, too few seeds), `failed-precondition`
 *   (a missing snapshot, too few rows, a loss that is not finite), `cancelled`
 */
export async function diagnoseUpdate(update: UpdateToDiagnose): Promise<UpdateDiagnosis> {
  const { measured, ...described } = await measureUpdate(update);
  return { ...described, ...decompose(measured) };
}

interface UpdateMeasurement extends Omit<UpdateDiagnosis, keyof Decomposition> {
  readonly measured: MeasuredUpdate;
}

/** Trains and measures what `diagnoseUpdate` decomposes. @throws UncoupleError as `diagnoseUpdate` */
export async function measureUpdate(update: UpdateToDiagnose): Promise<UpdateMeasurement> {
  const { pipeline, source, component } = update;
  const downstream = diagnosedDownstream(pipeline, component, update.downstream);
  const columns = visibleColumns(pipeline, downstream.name);
  const training = (await source.trainingRows(columns)).table;
  const [grouping] = groupColumns(pipeline);
  const { table: heldOut, labels } = await screenRows(update, columns);
  if (training.rows < 100 || heldOut.rows < 100) {
    const rows = `${training.rows} training rows and ${heldOut.rows} held-out rows`;
    throw new UncoupleError(
      "failed-precondition",
      `a learning curve requires at least 100 rows of each split; found ${rows}`,
    );
  }
  const groups = grouping === undefined ? undefined : labels[grouping];
  if (groups?.dictionary.length === 1) {
    throw new UncoupleError(
      "failed-precondition",
      `all held-out rows have the same value of ${grouping}, so there is only one group to judge by; choose another data.group`,
    );
  }
  const { seeds = FEWEST_SEEDS, inUse } = update;
  if (seeds < FEWEST_SEEDS) {
    throw new UncoupleError("invalid-argument", `a diagnosis requires at least ${FEWEST_SEEDS} seeds; got ${seeds}`);
  }
  const upstreams = await Promise.all(
    [update.before, { ...update.before, [component]: update.after }].map((models) =>
      readUpstream(pipeline, downstream, models, heldOut),
    ),
  );
  const curves = await measureCurves({ ...update, downstream, table: training }, upstreams);
  const [before, after] = curves as [LearningCurves, LearningCurves];
  const [current, updated] = inUse === undefined ? [] : await Promise.all(upstreams.map((read) => read.losses(inUse)));
  return {
    component,
    downstream: downstream.name,
    seeds,
    trainingRows: training.rows,
    heldOutRows: heldOut.rows,
    measured: {
      before,
      after,
      ...(current !== undefined && updated !== undefined && { asItIs: { before: current, after: updated } }),
      ...(groups !== undefined && { groups: { codes: groups.codes, count: groups.dictionary.length } }),
      minimumEffect: pipeline.verdict?.minimumEffect ?? 0,
    },
  };
}

/** The held-out rows that may answer in public. */
async function screenRows({ pipeline, source, split }: UpdateToDiagnose, columns: readonly string[]) {
  const labels = groupColumns(pipeline).slice(0, 1);
  if (split === undefined) return source.heldOutRows(columns, labels);
  // Rows that are bad in any column are in no part, so that a row's number is the evaluator's.
  const held = await source.heldOutRows(heldOutColumns(pipeline), labels);
  return takeHeldOut(held, divideHeldOut(pipeline, { rows: held.table.rows, labels: held.labels }, split).screen);
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
