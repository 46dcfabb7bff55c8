import { ancestors, componentNamed } from "../pipeline/dag.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { DataSource, Rows } from "./source/data-source.ts";
import { targetColumns } from "./targets/target-column.ts";

/**
 * The columns that the team of a component may see in training rows: those that it reads, its own target, and those
 * that the snapshots of its ancestors read, because its inputs are imputed with them. Never an ancestor's target.
 * @throws UncoupleError `not-found` for a component that does not exist
 */
export function visibleColumns(pipeline: Pipeline, component: string): readonly string[] {
  const own = componentNamed(pipeline, component);
  const imputing = ancestors(pipeline.components, component).flatMap((ancestor) => ancestor.columns);
  return [...new Set([...imputing, ...own.columns, ...targetColumns(own)])];
}

/** Every column that composing and judging the whole pipeline takes: all inputs and all targets. For the evaluator. */
export function heldOutColumns(pipeline: Pipeline): readonly string[] {
  const columns = pipeline.components.flatMap((component) => component.columns);
  const targets = pipeline.components.flatMap(targetColumns);
  return [...new Set([...columns, ...targets])];
}

export interface TrainerData {
  /** Training rows with the visible columns. */
  readonly training: Rows;
  /** The audited training rows, with the visible and the annotated columns, where the pipeline has an audit sample. */
  readonly audit?: Rows;
}

/**
 * Everything that the trainer of a component gets to see of the data.
 * @throws UncoupleError as `DataSource.trainingRows` and `DataSource.auditRows`
 */
export async function trainerData(source: DataSource, pipeline: Pipeline, component: string): Promise<TrainerData> {
  const visible = visibleColumns(pipeline, component);
  const training = await source.trainingRows(visible);
  if (pipeline.audit === undefined) return { training };
  return { training, audit: await source.auditRows(visible, pipeline.audit.columns, pipeline.audit.rows) };
}
