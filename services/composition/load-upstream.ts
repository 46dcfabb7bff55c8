import { UncoupleError } from "../common/errors.ts";
import type { ColumnSchema } from "../data/table/table.ts";
import type { SnapshotContract, SnapshotModel } from "../learning/snapshot/snapshot-model.ts";
import { componentNamed } from "../pipeline/dag.ts";
import { snapshotName } from "../pipeline/manifest.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Registry } from "../registry/registry.ts";
import { SnapshotFault } from "../verdicts/snapshot-fault.ts";
import { loadSnapshot } from "./load-model.ts";

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
    const loaded = componentNamed(pipeline, component);
    const manifest = await registry.manifest(component, serial);
    try {
      const deps = { registry, schema, load, signal };
      return (await loadSnapshot(pipeline, loaded, manifest, Number.POSITIVE_INFINITY, deps)).model;
    } catch (thrown) {
      if (!(thrown instanceof SnapshotFault)) throw thrown;
      const { cause } = thrown;
      if (cause instanceof UncoupleError && cause.code !== "invalid-argument") throw cause;
      // Nobody here gave a wrong argument: what was published is not what the pipeline file says.
      const message = `${snapshotName(manifest)} cannot be used: ${thrown.message}`;
      throw new UncoupleError("failed-precondition", message, { cause: cause ?? thrown });
    }
  };
}
