import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import type { ColumnSchema } from "../data/table/table.ts";
import { snapshotContract } from "../learning/snapshot/snapshot-contract.ts";
import type { SnapshotContract, SnapshotModel } from "../learning/snapshot/snapshot-model.ts";
import { componentNamed } from "../pipeline/dag.ts";
import { snapshotName } from "../pipeline/manifest.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Registry } from "../registry/registry.ts";

/**
 * Reads a snapshot of any component of the pipeline, verified, and makes it ready to predict.
 * @throws UncoupleError `not-found`; `failed-precondition` for a snapshot that is not what the pipeline file says;
 *   `data-loss`; `unavailable`
 */
export type LoadModel = (
  component: string,
  serial: number,
  schema: readonly ColumnSchema[],
  signal?: AbortSignal,
) => Promise<SnapshotModel>;

/** @param load makes a model of ONNX bytes; throws `invalid-argument` for what is none, or not the contract's */
export function createLoadModel(
  pipeline: Pipeline,
  registry: Registry,
  load: (bytes: Uint8Array, contract: SnapshotContract) => Promise<SnapshotModel>,
): LoadModel {
  return async (component, serial, schema, signal) => {
    const contract = snapshotContract(pipeline, componentNamed(pipeline, component), schema);
    const manifest = await registry.manifest(component, serial);
    const bytes = await registry.bytes(manifest, signal);
    try {
      return await load(bytes, contract);
    } catch (thrown) {
      const error = asUncoupleError(thrown);
      if (error.code !== "invalid-argument") throw error;
      // Nobody here gave a wrong argument: what was published is not what the pipeline file says.
      const message = `${snapshotName(manifest)} cannot be used: ${error.message}`;
      throw new UncoupleError("failed-precondition", message, { cause: error });
    }
  };
}
