import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import { FIT_ROWS, summarizeFit } from "../../learning/fit-summary/summarize-fit.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import { keyColumns } from "../../pipeline/hashed-keys.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { FitSummary } from "../../pipeline/run-report.ts";
import type { WithTrainedRows } from "./trained-rows.ts";

/**
 * Summarizes how a model that was just trained does on a sample of its training rows.
 * @param bytes the ONNX model
 * @throws UncoupleError as `WithTrainedRows` and `summarizeFit`
 */
export type MeasureFit = (bytes: Uint8Array, pins: ResolvedSnapshots, signal: AbortSignal) => Promise<FitSummary>;

/** Divides rows by the columns that the component reads, without keys: their values name rows. */
export function createMeasureFit(pipeline: Pipeline, name: string, withTrainedRows: WithTrainedRows): MeasureFit {
  const component = componentNamed(pipeline, name);
  const keys = keyColumns(pipeline);
  const { slices = [] } = pipeline;
  const read = component.columns.filter((column) => !keys.includes(column));
  const sliced = [...read.filter((column) => slices.includes(column)), ...read.filter((one) => !slices.includes(one))];
  return (bytes, pins, signal) =>
    withTrainedRows(bytes, FIT_ROWS, pins, signal, ({ table, targets, predict, nameOf }) =>
      summarizeFit({ component, table, targets, sliced, predict, nameOf }),
    );
}
