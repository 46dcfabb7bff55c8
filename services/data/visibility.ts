import type { Pipeline } from "../pipeline/pipeline.ts";
import { targetColumns, visibleColumns } from "../pipeline/visible-columns.ts";
import type { BadRows, DataSource, Rows, TrainingRowOptions } from "./source/data-source.ts";
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

/** Some of the training rows. The audited ones are the pipeline's and no sample is drawn of them. */
export type TrainingChoice = Pick<TrainingRowOptions, "part" | "sample">;

type TrainerRowOptions = Omit<TrainingRowOptions, "limit">;

/**
 * Reads all data that the trainer of a component can see.
 * @param options which rows, the audited ones of the same part; `space` where the training rows go that
 *   exceed their share of memory, default: all stay in memory
 * @throws UncoupleError as `DataSource.trainingRows` and `DataSource.auditRows`
 */
export function trainerData(
  source: DataSource,
  pipeline: Pipeline,
  component: string,
  options?: TrainerRowOptions,
): Promise<TrainerData<Table>>;
export function trainerData(
  source: DataSource,
  pipeline: Pipeline,
  component: string,
  options: TrainerRowOptions & { readonly space: SpillSpace },
): Promise<TrainerData>;
export async function trainerData(
  source: DataSource,
  pipeline: Pipeline,
  component: string,
  { space, ...options }: TrainerRowOptions & { readonly space?: SpillSpace } = {},
): Promise<TrainerData> {
  const visible = visibleColumns(pipeline, component);
  const training =
    space === undefined
      ? await source.trainingRows(visible, options)
      : await source.storedTrainingRows(visible, space, options);
  const { columns, rows } = pipeline.audit ?? {};
  if (columns === undefined || rows === undefined) return { training };
  return {
    training,
    audit: await source.auditRows(visible, columns, rows, { heldOutAfter: options.heldOutAfter, part: options.part }),
  };
}

/**
 * Checks all data that the trainer of a component can see, without holding its training rows.
 * @throws UncoupleError as `trainerData`
 */
export async function checkTrainerData(
  source: DataSource,
  pipeline: Pipeline,
  component: string,
  options: TrainerRowOptions = {},
): Promise<{ readonly rows: number; readonly bad: BadRows }> {
  const visible = visibleColumns(pipeline, component);
  const { table, bad } = await source.checkTrainingRows(visible, options);
  const { columns, rows } = pipeline.audit ?? {};
  if (columns !== undefined && rows !== undefined) {
    await source.auditRows(visible, columns, rows, { heldOutAfter: options.heldOutAfter, part: options.part });
  }
  return { rows: table.rows, bad };
}
