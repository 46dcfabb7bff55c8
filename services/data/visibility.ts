import type { Pipeline } from "../pipeline/pipeline.ts";
import type { RowSample } from "../pipeline/sample.ts";
import { targetColumns, visibleColumns } from "../pipeline/visible-columns.ts";
import type { DataSource, Rows, TrainingPart } from "./source/data-source.ts";
import type { SpillSpace } from "./spill/spill-folder.ts";
import type { StoredTable } from "./spill/stored-table.ts";
import type { Table } from "./table/table.ts";

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

/** Some of the training rows. */
export interface TrainingChoice {
  /** Defaults to all. */
  readonly part?: TrainingPart | undefined;
  /** Of the training rows, drawn before they are divided into parts. The audited ones are the pipeline's and stay whole. */
  readonly sample?: RowSample | undefined;
}

/**
 * Reads all data that the trainer of a component can see.
 * @param heldOutAfter as in `DataSource.trainingRows`
 * @param options which rows, the audited ones of the same part; `space` where the training rows go that
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
  options: TrainingChoice & { readonly space: SpillSpace },
): Promise<TrainerData>;
export async function trainerData(
  source: DataSource,
  pipeline: Pipeline,
  component: string,
  heldOutAfter?: string,
  options: TrainingChoice & { readonly space?: SpillSpace } = {},
): Promise<TrainerData> {
  const visible = visibleColumns(pipeline, component);
  const { part, sample, space } = options;
  const training =
    space === undefined
      ? await source.trainingRows(visible, undefined, heldOutAfter, part, sample)
      : await source.storedTrainingRows(visible, space, heldOutAfter, part, sample);
  const { columns, rows } = pipeline.audit ?? {};
  if (columns === undefined || rows === undefined) return { training };
  return { training, audit: await source.auditRows(visible, columns, rows, heldOutAfter, part) };
}
