import { UncoupleError } from "../../common/errors.ts";
import type { Column, NumericColumn, Table } from "../../data/table/table.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { SnapshotModel } from "./snapshot-model.ts";

/**
 * Predicts the outputs of every ancestor of a component on the given rows, each from the outputs of its own upstream.
 *
 * @param models a loaded snapshot of every ancestor, by component name
 * @returns the outputs of all ancestors, by output name
 * @throws UncoupleError `failed-precondition` naming a component that has no snapshot or predicts values that are not
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
      throw new UncoupleError("failed-precondition", `cannot impute the inputs: ${component.name} has no snapshot`);
    }
    const { name, width } = component.output;
    const columns: Record<string, Column> = {};
    // Only its own inputs: an output may share its name with a data column that a different component reads.
    for (const column of component.columns) columns[column] = table.columns[column] as Column;
    for (const upstream of component.upstream) {
      const read = pipeline.components.find((other) => other.name === upstream)?.output.name as string;
      columns[read] = outputs[read] as NumericColumn;
    }
    const values = await model.predict({ rows: table.rows, columns });
    if (values.some((value) => !Number.isFinite(value))) {
      throw new UncoupleError(
        "failed-precondition",
        `the snapshot of ${component.name} predicts NaN or infinite values`,
      );
    }
    outputs[name] = { kind: "numeric", width, values };
  }
  return outputs;
}
