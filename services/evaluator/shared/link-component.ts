import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import type { Provenance, SnapshotManifest } from "../../pipeline/manifest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { originName, type SnapshotOrigin } from "../../pipeline/shared.ts";
import { disagreement, type SharedComponent } from "../../pipeline/shared-components.ts";
import type { Backplane } from "../../registry/backplane.ts";
import { holderOf } from "./linked.ts";
import type { Owner } from "./owner.ts";

export interface LinkDeps {
  readonly pipeline: Pipeline;
  /** Of the pipeline file in force. */
  readonly pipelineDigest: string;
  readonly backplane: Pick<Backplane, "registry">;
  readonly clock: Clock;
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
  const { name, from } = component;
  const wrong = disagreement(component, pipeline, await owner.file());
  if (wrong !== undefined) return { unchanged: `${wrong}; run \`uncouple pipeline lock\`, and apply the file` };
  const serial = from.serial ?? (await owner.released(from.component));
  if (serial === undefined) {
    return { unchanged: `pipeline ${owner.name} has released no snapshot of ${from.component} yet` };
  }
  const origin: SnapshotOrigin = { pipeline: owner.name, component: from.component, serial };
  const newest = await registry.latest(name);
  if (newest?.provenance.origin !== undefined && originName(newest.provenance.origin) === originName(origin)) {
    return { unchanged: undefined };
  }
  if ((await owner.store.quarantines.get(origin.component, serial)) !== undefined)
    return { unchanged: `${originName(origin)} is quarantined by its owner` };
  try {
    const original = await owner.store.registry.manifest(origin.component, serial);
    await owner.store.retention.refer({
      component: origin.component,
      serial,
      by: pipeline.name,
      holder: holderOf(pipeline.name, { component: name, origin }),
    });
    const draft = {
      pipeline: pipeline.name,
      component: name,
      runId: `link/${newest?.serial ?? 0}/${originName(origin)}`,
      contract: original.contract,
      pipelineDigest,
      provenance: linkedProvenance(original.provenance, origin),
    };
    return { linked: await registry.link(draft, original, newest?.serial ?? null) };
  } catch (thrown) {
    const { code, message } = asUncoupleError(thrown);
    if (code === "not-found" || code === "deleted") return { unchanged: message };
    throw thrown;
  }
}

/**
 * What is still true of a snapshot in another pipeline: not the serials of what it was trained on, nor what it answered, nor
 * that somebody retrains it for a candidate.
 */
function linkedProvenance(provenance: Provenance, origin: SnapshotOrigin): Provenance {
  const { upstream: _serials, candidateRun: _answered, gating, ...rest } = provenance;
  return { ...rest, ...(gating !== undefined && { gating: { ...gating, cotrain: false } }), origin };
}
