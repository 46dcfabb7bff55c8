import type { ComposerDeps } from "../composition/composer.ts";
import { hostedSnapshot, type ModelReaderDeps } from "../composition/hosted-snapshot.ts";
import type { HostedModel } from "../inference/inference.ts";
import type { SnapshotManifest } from "../pipeline/manifest.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Registry } from "../registry/registry.ts";

/** Finds the models of the registry for composers. @param maxModelBytes larger models are faults of their snapshots */
export function createModelOf(
  pipeline: Pipeline,
  maxModelBytes: number,
  deps: ModelReaderDeps & { readonly registry: Pick<Registry, "manifest"> },
): ComposerDeps["modelOf"] {
  /** A composition has a model of every component, of which a judgement changes one or two. */
  const known = new WeakMap<SnapshotManifest, HostedModel>();
  return async (component, serial) => {
    const manifest = await deps.registry.manifest(component.name, serial);
    const model = known.get(manifest) ?? hostedSnapshot(pipeline, component, manifest, maxModelBytes, deps);
    known.set(manifest, model);
    return model;
  };
}
