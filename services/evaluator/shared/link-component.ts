import { nextLink, notThere } from "../../composition/next-link.ts";
import type { Provenance, SnapshotManifest } from "../../pipeline/manifest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { contentOf } from "../../pipeline/pipeline-content.ts";
import { originName, type SnapshotOrigin } from "../../pipeline/shared.ts";
import type { SharedComponent } from "../../pipeline/shared-components.ts";
import type { Backplane } from "../../registry/backplane.ts";
import { holderOf } from "./linked.ts";
import type { Owner } from "./owner.ts";

export interface LinkDeps {
  readonly pipeline: Pipeline;
  /** Of the pipeline file in force. */
  readonly pipelineDigest: string;
  readonly backplane: Pick<Backplane, "registry">;
}

/** `unchanged` says why the component has no newer snapshot, if that is for somebody to change. */
export type LinkOutcome = { readonly linked: SnapshotManifest } | { readonly unchanged: string | undefined };

/**
 * Links what the owner of a component uses now, unless it is the component's newest snapshot already. First refers to the
 * owner's snapshot, so that its model stays, and then announces it after what was the newest, so that of several processes one
 * does, once.
 * @throws UncoupleError `conflict` if another process has announced a snapshot of the component meanwhile: try again
 */
export async function linkComponent(deps: LinkDeps, component: SharedComponent, owner: Owner): Promise<LinkOutcome> {
  const { pipeline, pipelineDigest, backplane } = deps;
  const { registry } = backplane;
  const { name } = component;
  const newest = await registry.latest(name);
  const next = await nextLink(component, { name: pipeline.name, content: contentOf(pipeline) }, newest, owner.store);
  if ("unchanged" in next) return next;
  const { origin, original } = next;
  try {
    await owner.store.retention.refer({
      component: origin.component,
      serial: origin.serial,
      by: pipeline.name,
      holder: holderOf(pipeline.name, { component: name, origin }),
    });
  } catch (thrown) {
    return { unchanged: notThere(thrown) };
  }
  const draft = {
    pipeline: pipeline.name,
    component: name,
    runId: `link/${newest?.serial ?? 0}/${originName(origin)}`,
    contract: original.contract,
    pipelineDigest,
    provenance: linkedProvenance(original.provenance, origin),
  };
  return { linked: await registry.link(draft, original, newest?.serial ?? null) };
}

/**
 * What is still true of a snapshot in another pipeline: not the serials of what it was trained on, nor what it answered, nor
 * what its team lets a gate do, which concerns the gate of its own pipeline.
 */
function linkedProvenance(provenance: Provenance, origin: SnapshotOrigin): Provenance {
  const { upstream: _serials, candidateRun: _answered, gating: _owners, ...rest } = provenance;
  return { ...rest, origin };
}
