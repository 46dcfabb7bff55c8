import { createHash } from "node:crypto";
import type { Table } from "../data/table/table.ts";
import { checkedColumn } from "../learning/snapshot/check-contract.ts";
import type { SnapshotContract, SnapshotModel } from "../learning/snapshot/snapshot-model.ts";
import type { HostedModel, Inference, StageInput } from "./inference.ts";

/**
 * Loads a model in a host, checks it against its contract, and predicts with it there.
 *
 * @throws StageFault, and what else `Inference.run` throws; so does `predict`
 */
export async function loadHosted(
  inference: Inference,
  model: HostedModel,
  signal?: AbortSignal,
): Promise<SnapshotModel> {
  await inference.run({ rows: 0, stages: [{ model, inputs: {} }], wanted: [], keep: false }, { signal });
  return {
    async predict(table) {
      const [values] = await inference.run(
        { rows: table.rows, stages: [{ model, inputs: inputsOf(model.contract, table) }], wanted: [0], keep: false },
        { signal },
      );
      return values as Float32Array;
    },
    async dispose() {},
  };
}

/** Bytes at hand as a model. @param name for messages */
export function modelOfBytes(name: string, bytes: Uint8Array, contract: SnapshotContract): HostedModel {
  const digest = createHash("sha256").update(bytes).digest("hex");
  return { name, digest, contract, size: bytes.length, bytes: async () => bytes };
}

function inputsOf({ inputs }: SnapshotContract, table: Table): Record<string, StageInput> {
  return Object.fromEntries(inputs.map((spec) => [spec.name, { column: checkedColumn(table, spec) }]));
}
