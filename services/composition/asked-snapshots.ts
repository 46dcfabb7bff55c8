import { UncoupleError } from "../common/errors.ts";
import { ancestors, componentNamed } from "../pipeline/dag.ts";
import { type SnapshotId, snapshotName } from "../pipeline/manifest.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { DeletedError } from "../pipeline/tombstone.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { Registry } from "../registry/registry.ts";
import { namesOf, type Retention } from "../registry/retention.ts";
import type { PipelineView } from "./pipeline-view.ts";

export interface AskedSnapshotsDeps {
  readonly backplane: {
    readonly registry: Pick<Registry, "manifest">;
    readonly retention: Pick<Retention, "tombstone">;
  };
  /** Must be followed. */
  readonly view: Pick<PipelineView, "history" | "catchUp">;
}

/**
 * Checks that a component can train on the snapshots that somebody asked for, in use or not.
 * @param asked ancestor to serial
 * @throws UncoupleError `not-found` for an unknown component or snapshot; `invalid-argument` for a component that is none of the
 *   ancestors; `failed-precondition` for a snapshot that is quarantined, has no verdict yet, or cannot be read; DeletedError
 */
export async function checkAskedSnapshots(
  asked: Composition,
  component: string,
  pipeline: Pipeline,
  deps: AskedSnapshotsDeps,
  signal: AbortSignal,
): Promise<void> {
  const above = ancestors(pipeline.components, component).map(({ name }) => name);
  for (const name of Object.keys(asked)) {
    if (above.includes(componentNamed(pipeline, name).name)) continue;
    const known = above.length === 0 ? "it has no upstream" : `its upstream is ${above.join(", ")}`;
    throw new UncoupleError("invalid-argument", `${component} does not train on ${name}: ${known}`);
  }
  await deps.view.catchUp(signal);
  for (const snapshot of namesOf(asked)) await checkOne(snapshot, deps);
}

async function checkOne(snapshot: SnapshotId, { backplane, view }: AskedSnapshotsDeps): Promise<void> {
  const { component, serial } = snapshot;
  const { registry, retention } = backplane;
  const { history } = view;
  if (history.usable(component).has(serial, Number.POSITIVE_INFINITY)) return;
  await registry.manifest(component, serial);
  const tombstone = await retention.tombstone(component, serial);
  if (tombstone !== undefined) throw new DeletedError(tombstone);
  const why = history.isQuarantined(snapshot) ? "is quarantined" : "has no verdict yet";
  throw new UncoupleError("failed-precondition", `${snapshotName(snapshot)} ${why}, so that nothing can train on it`);
}
