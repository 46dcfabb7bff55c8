import { UncoupleError } from "../../common/errors.ts";
import type { ColumnSchema } from "../../data/table/table.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import type { TensorSpec } from "../../pipeline/manifest.ts";
import type { Component, Pipeline } from "../../pipeline/pipeline.ts";
import type { SnapshotContract } from "./snapshot-model.ts";

/**
 * Derives the inputs and output that a component's graph must have: inputs are its data columns, then the outputs of
 * its upstream.
 *
 * @throws UncoupleError `invalid-argument` for a column that the data does not have
 */
export function snapshotContract(
  pipeline: Pipeline,
  component: Component,
  schema: readonly ColumnSchema[],
): SnapshotContract {
  const columns = component.columns.map((name): TensorSpec => {
    const column = schema.find((candidate) => candidate.name === name);
    if (column === undefined) {
      throw new UncoupleError(
        "invalid-argument",
        `component ${component.name} reads column ${name}, which the data does not have`,
      );
    }
    return { name, kind: column.kind, width: column.kind === "categorical" ? 1 : column.width };
  });
  const upstream = component.upstream.map((name): TensorSpec => {
    const { output } = componentNamed(pipeline, name);
    return { name: output.name, kind: "numeric", width: output.width };
  });
  const { name, width } = component.output;
  return { inputs: [...columns, ...upstream], output: { name, kind: "numeric", width } };
}
