import { raceAbort } from "../../common/async/race-abort.ts";
import { UncoupleError } from "../../common/errors.ts";
import { sha256 } from "../../common/files/digest.ts";
import { mean } from "../../common/statistics.ts";
import type { LoadModel } from "../../composition/load-upstream.ts";
import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import type { Rows } from "../../data/source/data-source.ts";
import { joinTables, type StoredTable, tableBlocks } from "../../data/spill/stored-table.ts";
import type { Table } from "../../data/table/table.ts";
import { rowLosses, targetOf } from "../../data/targets/losses.ts";
import { targetColumn } from "../../data/targets/target-column.ts";
import { loadHosted, modelOfBytes } from "../../inference/hosted-model.ts";
import { type Inference, StageFault } from "../../inference/inference.ts";
import { imputedInputs } from "../../learning/component/imputed-inputs.ts";
import { snapshotContract } from "../../learning/snapshot/snapshot-contract.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { RowSample } from "../../pipeline/sample.ts";
import { createPinnedModels, type PinnedModels } from "../runs/pinned-models.ts";
import type { LoadedData, TrainingData } from "../runs/training-data.ts";

/** What all trials of a study share: the rows to train on, the pinned models, and how a model is measured. */
export interface StudyMaterial {
  readonly data: LoadedData;
  /** SHA-256 of the rows to train on and of those to measure on. */
  readonly fingerprint: string;
  readonly models: PinnedModels;
  /** Of the training rows. */
  readonly rows: { readonly fit: number; readonly validation: number };
  /**
   * The mean of the component's own loss over the validation rows, in the loss's own units (`rowLosses`).
   * @param bytes an ONNX model of the component
   * @throws UncoupleError `failed-precondition` if the model cannot be run, or its loss is not finite; `unavailable`
   */
  measure(bytes: Uint8Array, signal: AbortSignal): Promise<number>;
}

export interface StudyMaterialDeps {
  readonly pipeline: Pipeline;
  readonly component: string;
  readonly data: Pick<TrainingData, "use">;
  readonly load: LoadModel;
  readonly inference: Inference;
}

/**
 * Reads the rows of a study for as long as the work with them takes. Training rows only: nothing here can ask for held-out ones.
 *
 * @param choice the share of the training rows to measure on, the team's sample of all of them, and the trials at a time
 * @throws UncoupleError as `TrainingData.use`
 */
export function withStudyMaterial<T>(
  pins: ResolvedSnapshots,
  choice: { readonly share: number; readonly sample?: RowSample | undefined; readonly parallel: number },
  deps: StudyMaterialDeps,
  signal: AbortSignal,
  work: (material: StudyMaterial) => Promise<T>,
): Promise<T> {
  const { share, sample, parallel } = choice;
  const measured = (data: LoadedData, { training }: LoadedData) => measureOn(pins, deps, data, training, signal, work);
  return deps.data.use(
    signal,
    (data) =>
      deps.data.use(
        signal,
        (validation) => measured(data, validation),
        { part: { side: "validation", share }, sample },
        parallel,
      ),
    { part: { side: "fit", share }, sample },
    parallel,
  );
}

async function measureOn<T>(
  pins: ResolvedSnapshots,
  deps: StudyMaterialDeps,
  data: LoadedData,
  { table, fingerprint }: Rows<StoredTable>,
  signal: AbortSignal,
  work: (material: StudyMaterial) => Promise<T>,
): Promise<T> {
  const { pipeline, inference } = deps;
  const component = componentNamed(pipeline, deps.component);
  const models = createPinnedModels(pins, (name, serial) => deps.load(name, serial, data.schema, signal));
  try {
    const upstream = await raceAbort(models.upstream(), signal);
    const inputs = joinTables(table, await imputedInputs({ pipeline, upstream }, component, table));
    const contract = snapshotContract(pipeline, component, data.schema);
    return await work({
      data,
      fingerprint: await sha256(Buffer.from(`${data.training.fingerprint} ${fingerprint}`)),
      models,
      rows: { fit: data.training.table.rows, validation: table.rows },
      async measure(bytes, trial) {
        const model = await loadHosted(inference, modelOfBytes("the trained model", bytes, contract), trial);
        const losses = new Float64Array(table.rows);
        let first = 0;
        for await (const block of tableBlocks(inputs)) {
          const target = targetOf(component, targetColumn(component, block));
          losses.set(rowLosses(component, await predict(model, block), target), first);
          first += block.rows;
        }
        const value = mean(losses);
        if (Number.isFinite(value)) return value;
        throw new UncoupleError("failed-precondition", "the loss on the validation rows is not finite");
      },
    });
  } finally {
    await models.dispose();
  }
}

async function predict(model: SnapshotModel, rows: Table): Promise<Float32Array> {
  try {
    return await model.predict(rows);
  } catch (thrown) {
    if (!(thrown instanceof StageFault)) throw thrown;
    const message = `the trained model cannot be measured: ${thrown.message}`;
    throw new UncoupleError("failed-precondition", message, { cause: thrown });
  }
}
