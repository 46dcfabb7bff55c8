import { UncoupleError } from "../../common/errors.ts";
import type { Column, NumericColumn, Table } from "../../data/table/table.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { SnapshotModel } from "./snapshot-model.ts";

/**
 * Predicts every ancestor of a component on the given rows, each from the outputs of its own upstream.
 *
 * @param models a loaded snapshot for every ancestor, by component
 * @returns all ancestors' outputs by output name
 * @throws UncoupleError `failed-precondition` naming a component without a snapshot, or one whose predictions are not
 *   finite
 */
export async function imputeAncestors(
  pipeline: Pipeline,
  ancestors: ReadonlySet<string>,
  models: Readonly<Record<string, SnapshotModel>>,
  table: Table,
): Promise<Readonly<Record<string, NumericColumn>>> {
  const outputs: Record<string, NumericColumn> = {};
  for (const component of pipeline.components) {
    if (!ancestors.has(component.name)) continue;
    const model = models[component.name];
    if (model === undefined) {
      throw new UncoupleError("failed-precondition", `${component.name} has no snapshot to impute with`);
    }
    const { name, width } = component.output;
    const columns: Record<string, Column> = {};
    // Its own inputs and no others: an output may have the name of a data column that another component reads.
    for (const column of component.columns) columns[column] = table.columns[column] as Column;
    for (const upstream of component.upstream) {
      const read = pipeline.components.find((other) => other.name === upstream)?.output.name as string;
      columns[read] = outputs[read] as NumericColumn;
    }
    const values = await model.predict({ rows: table.rows, columns });
    if (values.some((value) => !Number.isFinite(value))) {
      throw new UncoupleError("failed-precondition", `the snapshot of ${component.name} predicts NaN or infinity`);
    }
    outputs[name] = { kind: "numeric", width, values };
  }
  return outputs;
}
