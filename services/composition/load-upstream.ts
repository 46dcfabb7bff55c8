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
 * Reads and verifies a snapshot of any component of the pipeline, and loads it for prediction.
 * @throws UncoupleError `not-found`; `failed-precondition` for a snapshot that does not match the pipeline file;
 *   `data-loss`; `unavailable`
 */
export type LoadModel = (
  component: string,
  serial: number,
  schema: readonly ColumnSchema[],
  signal?: AbortSignal,
) => Promise<SnapshotModel>;

/** @param load loads ONNX bytes; throws `invalid-argument` if they are not a model or do not match the contract */
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
      // The caller's argument is fine: the published model does not match the pipeline file.
      const message = `${snapshotName(manifest)} cannot be used: ${thrown.message}`;
      throw new UncoupleError("failed-precondition", message, { cause: cause ?? thrown });
    }
  };
}
