import type { Column } from "../../data/table/table.ts";
import type { HostedModel, Inference, Stage } from "../../inference/inference.ts";
import { StageFault } from "../../inference/inference.ts";
import { checkOutput } from "../../learning/snapshot/check-output.ts";
import { ModelFault } from "../../learning/snapshot/faults/model-fault.ts";
import type { StoredModel } from "./model-store.ts";

/** A model of this simulation, which runs in this process. */
export interface LocalModel extends HostedModel {
  readonly stored: StoredModel;
}

/** @param name for messages */
export function localModel(name: string, stored: StoredModel): LocalModel {
  const { digest, bytes, contract } = stored;
  return { name, digest, contract, size: bytes.length, bytes: async () => bytes, stored };
}

/** Runs the models of a simulation in this process: they were trained here, so that nothing isolates them. */
export function createLocalInference(): Inference {
  // The same outputs come back again and again.
  const sound = new WeakSet<Float32Array>();
  return {
    async run({ rows, stages, wanted }) {
      const outputs: Float32Array[] = [];
      // Nothing to load: what a store keeps was compiled here.
      if (wanted.length === 0) return outputs;
      const last = Math.max(...wanted);
      for (const [index, stage] of stages.slice(0, last + 1).entries()) {
        outputs.push(await runStage(index, stage, rows, outputs, sound));
      }
      return wanted.map((index) => outputs[index] as Float32Array);
    },
    heldBytes: () => ({ columns: 0, outputs: 0, models: 0 }),
    close: async () => {},
  };
}

async function runStage(
  index: number,
  stage: Stage,
  rows: number,
  outputs: readonly Float32Array[],
  sound: WeakSet<Float32Array>,
): Promise<Float32Array> {
  const { stored } = stage.model as LocalModel;
  const columns: Record<string, Column> = {};
  for (const { name, width } of stored.contract.inputs) {
    const from = stage.inputs[name] as NonNullable<(typeof stage.inputs)[string]>;
    columns[name] =
      "column" in from ? from.column : { kind: "numeric", width, values: outputs[from.stage] as Float32Array };
  }
  const values = await stored.model.predict({ rows, columns });
  if (sound.has(values)) return values;
  const fault = stage.output === undefined ? undefined : checkOutput(stage.output, values);
  if (fault !== undefined) throw new StageFault(index, true, new ModelFault(fault.reason, fault.detail));
  sound.add(values);
  return values;
}
