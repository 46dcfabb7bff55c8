import type { LoadModel } from "../../composition/load-upstream.ts";
import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import { rowNames } from "../../data/row-names.ts";
import type { DataSource, HeldOutRows } from "../../data/source/data-source.ts";
import type { Column, Table } from "../../data/table/table.ts";
import { takeColumns } from "../../data/table/take-rows.ts";
import { loadHosted, modelOfBytes } from "../../inference/hosted-model.ts";
import type { Inference } from "../../inference/inference.ts";
import type { Predict } from "../../learning/model-tests/subject.ts";
import { imputeAncestors } from "../../learning/snapshot/impute.ts";
import { snapshotContract } from "../../learning/snapshot/snapshot-contract.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import { ancestors, componentNamed } from "../../pipeline/dag.ts";
import { groupColumns } from "../../pipeline/group-columns.ts";
import { keyColumns } from "../../pipeline/hashed-keys.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { targetColumns, visibleColumns } from "../../pipeline/visible-columns.ts";
import type { GenerationLog } from "../../registry/generation-log.ts";

export interface TrainedRowsDeps {
  readonly source: Pick<DataSource, "schema" | "sampleRows">;
  readonly generations: Pick<GenerationLog, "current">;
  readonly inference: Inference;
  readonly load: LoadModel;
}

/** A model that was just trained, with a sample of its training rows. */
export interface TrainedRows {
  /** What the model reads, with upstream outputs as they were imputed for the training. */
  readonly table: Table;
  readonly targets: Table;
  /** Keys and groups, as text. */
  readonly labels: HeldOutRows["labels"];
  readonly predict: Predict;
  /** Loads the snapshot that the run's is to follow; undefined without one. */
  previous(): Promise<Predict | undefined>;
  /** Names a row for people. */
  nameOf(row: number): string;
}

/**
 * Opens a model that was just trained for the duration of `use`.
 * @param bytes the ONNX model @param rows how many training rows, those with the smallest hashes
 * @throws UncoupleError as `LoadModel` and `DataSource.sampleRows`
 */
export type WithTrainedRows = <T>(
  bytes: Uint8Array,
  rows: number,
  pins: ResolvedSnapshots,
  signal: AbortSignal,
  use: (trained: TrainedRows) => Promise<T>,
) => Promise<T>;

export function createTrainedRows(pipeline: Pipeline, name: string, deps: TrainedRowsDeps): WithTrainedRows {
  const { source, generations, inference, load } = deps;
  const component = componentNamed(pipeline, name);
  const targets = targetColumns(component);
  const labels = [...new Set([...keyColumns(pipeline), ...groupColumns(pipeline)])];

  /** What the component reads, with the outputs of its upstream. */
  async function inputsOf({ table }: HeldOutRows, models: Readonly<Record<string, SnapshotModel>>): Promise<Table> {
    const above = new Set(ancestors(pipeline.components, name).map((one) => one.name));
    const outputs = await imputeAncestors(pipeline, above, models, table);
    const columns: Record<string, Column> = { ...takeColumns(table, component.columns).columns };
    for (const upstream of component.upstream) {
      const { output } = componentNamed(pipeline, upstream);
      columns[output.name] = outputs[output.name] as Column;
    }
    return { rows: table.rows, columns };
  }

  return async (bytes, count, { upstream, parent }, signal, use) => {
    const [schema, generation] = await Promise.all([source.schema(), generations.current()]);
    const rows = await source.sampleRows(visibleColumns(pipeline, name), labels, count, {
      heldOutAfter: generation?.heldOutAfter,
    });
    const loaded: SnapshotModel[] = [];
    const opened = async (model: Promise<SnapshotModel>) => {
      loaded.push(await model);
      return model;
    };
    try {
      const models: Record<string, SnapshotModel> = {};
      for (const [above, serial] of Object.entries(upstream)) {
        models[above] = await opened(load(above, serial, schema, signal));
      }
      const contract = snapshotContract(pipeline, component, schema);
      const model = await opened(loadHosted(inference, modelOfBytes(`the model of ${name}`, bytes, contract), signal));
      const nameOf = rowNames(pipeline, rows.labels, generation?.salt);
      return await use({
        table: await inputsOf(rows, models),
        targets: takeColumns(rows.table, targets),
        labels: rows.labels,
        predict: (table) => model.predict(table),
        async previous() {
          if (parent === null) return undefined;
          const before = await opened(load(name, parent, schema, signal));
          return (table) => before.predict(table);
        },
        nameOf: (row) => nameOf(row) ?? `sampled row ${row + 1}`,
      });
    } finally {
      await Promise.all(loaded.map((model) => model.dispose()));
    }
  };
}
