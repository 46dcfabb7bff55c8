import { UncoupleError } from "../../common/errors.ts";
import { mean } from "../../common/statistics.ts";
import type { LoadModel } from "../../composition/load-upstream.ts";
import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import { rowLosses, targetOf } from "../../data/targets/losses.ts";
import { targetColumn } from "../../data/targets/target-column.ts";
import { loadHosted, modelOfBytes } from "../../inference/hosted-model.ts";
import { type Inference, StageFault } from "../../inference/inference.ts";
import { imputedInputs } from "../../learning/component/prepare-inputs.ts";
import { snapshotContract } from "../../learning/snapshot/snapshot-contract.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { createPinnedModels, type PinnedModels } from "../runs/pinned-models.ts";
import type { LoadedData, TrainingData } from "../runs/training-data.ts";

/** What all trials of a study share: the rows to train on, the pinned models, and how a model is measured. */
export interface StudyMaterial {
  readonly data: LoadedData;
  readonly models: PinnedModels;
  /** Of the training rows. */
  readonly rows: { readonly fit: number; readonly validation: number };
  /**
   * The mean of the component's own loss over the validation rows, in the loss's own units (`rowLosses`).
   * @param bytes an ONNX model of the component
   * @throws UncoupleError `failed-precondition` if the model cannot be run, or its loss is not finite; `unavailable`
   */
  measure(bytes: Uint8Array, signal: AbortSignal): Promise<number>;
  dispose(): Promise<void>;
}

export interface StudyMaterialDeps {
  readonly pipeline: Pipeline;
  readonly component: string;
  readonly data: Pick<TrainingData, "fitting" | "validation">;
  readonly load: LoadModel;
  readonly inference: Inference;
}

/** Reads training rows only: nothing here can ask for held-out ones. @param share of the training rows to measure on */
export async function openStudyMaterial(
  pins: ResolvedSnapshots,
  share: number,
  deps: StudyMaterialDeps,
  signal: AbortSignal,
): Promise<StudyMaterial> {
  const { pipeline, inference } = deps;
  const component = componentNamed(pipeline, deps.component);
  const data = await deps.data.fitting(share);
  const { table } = await deps.data.validation(share);
  signal.throwIfAborted();
  const models = createPinnedModels(pins, (name, serial) => deps.load(name, serial, data.schema, signal));
  const imputed = await imputedInputs({ pipeline, upstream: await models.upstream() }, component, table);
  const inputs = { rows: table.rows, columns: { ...table.columns, ...imputed } };
  const target = targetOf(component, targetColumn(component, table));
  const contract = snapshotContract(pipeline, component, data.schema);
  return {
    data,
    models,
    rows: { fit: data.training.table.rows, validation: table.rows },
    async measure(bytes, trial) {
      const value = mean(rowLosses(component, await predict(bytes, trial), target));
      if (Number.isFinite(value)) return value;
      throw new UncoupleError("failed-precondition", "the loss on the validation rows is not finite");
    },
    dispose: () => models.dispose(),
  };

  async function predict(bytes: Uint8Array, trial: AbortSignal): Promise<Float32Array> {
    try {
      const model = await loadHosted(inference, modelOfBytes("the trained model", bytes, contract), trial);
      return await model.predict(inputs);
    } catch (thrown) {
      if (!(thrown instanceof StageFault)) throw thrown;
      const message = `the trained model cannot be measured: ${thrown.message}`;
      throw new UncoupleError("failed-precondition", message, { cause: thrown });
    }
  }
}
