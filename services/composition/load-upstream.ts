import { UncoupleError } from "../common/errors.ts";
import type { ColumnSchema } from "../data/table/table.ts";
import { loadHosted } from "../inference/hosted-model.ts";
import { type Inference, StageFault } from "../inference/inference.ts";
import type { SnapshotModel } from "../learning/snapshot/snapshot-model.ts";
import { componentNamed } from "../pipeline/dag.ts";
import { type SnapshotManifest, snapshotName } from "../pipeline/manifest.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Registry } from "../registry/registry.ts";
import { SnapshotFault } from "../verdicts/snapshot-fault.ts";
import { hostedSnapshot } from "./hosted-snapshot.ts";

/**
 * Reads and verifies a snapshot of any component of the pipeline, and loads it for prediction in a host. Predictions fail
 * like loading if the model turns out to be unusable.
 * @throws UncoupleError `not-found`; `failed-precondition` for a snapshot that does not match the pipeline file, or that
 *   cannot be run within the limits; `data-loss`; `unavailable`
 */
export type LoadModel = (
  component: string,
  serial: number,
  schema: readonly ColumnSchema[],
  signal?: AbortSignal,
) => Promise<SnapshotModel>;

export function createLoadModel(
  pipeline: Pipeline,
  registry: Pick<Registry, "manifest" | "bytes">,
  inference: Inference,
): LoadModel {
  return async (component, serial, schema, signal) => {
    const loaded = componentNamed(pipeline, component);
    const manifest = await registry.manifest(component, serial);
    const model = await translated(manifest, async () => {
      const deps = { registry, schema, signal };
      return loadHosted(inference, hostedSnapshot(pipeline, loaded, manifest, Number.POSITIVE_INFINITY, deps), signal);
    });
    return {
      predict: (inputs) => translated(manifest, () => model.predict(inputs)),
      dispose: () => model.dispose(),
    };
  };
}

async function translated<R>(manifest: SnapshotManifest, work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof SnapshotFault || thrown instanceof StageFault)) throw thrown;
    const { cause } = thrown;
    if (cause instanceof UncoupleError && cause.code !== "invalid-argument") throw cause;
    // The caller's argument is fine: the published model does not match the pipeline file.
    const message = `${snapshotName(manifest)} cannot be used: ${thrown.message}`;
    throw new UncoupleError("failed-precondition", message, { cause: cause ?? thrown });
  }
}
