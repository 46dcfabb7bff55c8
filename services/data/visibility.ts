import { ancestors, componentNamed } from "../pipeline/dag.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { DataSource, Rows, TrainingPart } from "./source/data-source.ts";
import type { SpillSpace } from "./spill/spill-folder.ts";
import type { StoredTable } from "./spill/stored-table.ts";
import type { Table } from "./table/table.ts";
import { targetColumns } from "./targets/target-column.ts";

/**
 * The columns that a component's team can see in training rows: the columns that the component reads, its own target, and
 * the columns that its ancestors' snapshots read to impute its inputs. Never an ancestor's target.
 * @throws UncoupleError `not-found` for an unknown component
 */
export function visibleColumns(pipeline: Pipeline, component: string): readonly string[] {
  const own = componentNamed(pipeline, component);
  const imputing = ancestors(pipeline.components, component).flatMap((ancestor) => ancestor.columns);
  return [...new Set([...imputing, ...own.columns, ...targetColumns(own)])];
}

/** The columns for composing and evaluating the whole pipeline: all inputs and all targets. Only for the evaluator. */
export function heldOutColumns(pipeline: Pick<Pipeline, "components">): readonly string[] {
  const columns = pipeline.components.flatMap((component) => component.columns);
  const targets = pipeline.components.flatMap(targetColumns);
  return [...new Set([...columns, ...targets])];
}

export interface TrainerData<T extends StoredTable = StoredTable> {
  /** The training rows with the visible columns. */
  readonly training: Rows<T>;
  /** The audited training rows with the visible and annotated columns, if the pipeline file has `audit.rows`. */
  readonly audit?: Rows;
}

/**
 * Reads all data that the trainer of a component can see.
 * @param heldOutAfter as in `DataSource.trainingRows`
 * @param options `part` of the training rows and of the audited ones, default all; `space` where the training rows go that
 *   exceed their share of memory, default: all stay in memory
 * @throws UncoupleError as `DataSource.trainingRows` and `DataSource.auditRows`
 */
export function trainerData(
  source: DataSource,
  pipeline: Pipeline,
  component: string,
  heldOutAfter?: string,
): Promise<TrainerData<Table>>;
export function trainerData(
  source: DataSource,
  pipeline: Pipeline,
  component: string,
  heldOutAfter: string | undefined,
  options: { readonly part?: TrainingPart | undefined; readonly space: SpillSpace },
): Promise<TrainerData>;
export async function trainerData(
  source: DataSource,
  pipeline: Pipeline,
  component: string,
  heldOutAfter?: string,
  options: { readonly part?: TrainingPart | undefined; readonly space?: SpillSpace } = {},
): Promise<TrainerData> {
  const visible = visibleColumns(pipeline, component);
  const { part, space } = options;
  const training =
    space === undefined
      ? await source.trainingRows(visible, undefined, heldOutAfter, part)
      : await source.storedTrainingRows(visible, space, heldOutAfter, part);
  const { columns, rows } = pipeline.audit ?? {};
  if (columns === undefined || rows === undefined) return { training };
  return { training, audit: await source.auditRows(visible, columns, rows, heldOutAfter, part) };
}
