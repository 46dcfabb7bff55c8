import type { Clock } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import { ancestors, componentNamed } from "../pipeline/dag.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { Registry } from "../registry/registry.ts";
import { CHAMPION, inUse } from "./in-use.ts";
import { type PipelineView, type PipelineViewDeps, withPipelineView } from "./pipeline-view.ts";

/** The snapshots that a run trains with. Resolved once: a resumed run uses the same ones. */
export interface ResolvedSnapshots {
  /** Ancestor to serial. */
  readonly upstream: Composition;
  /** The component's newest snapshot when the run started; the run's snapshot must follow it. */
  readonly parent: number | null;
}

/** Ancestors whose snapshots have no verdict yet, so that there is nothing to train on: component to newest serial. */
export interface UnjudgedSnapshots {
  readonly unjudged: Composition;
}

export interface ResolveDeps {
  readonly registry: Pick<Registry, "aliased" | "latest">;
  /** Must be followed. */
  readonly view: Pick<PipelineView, "history" | "catchUp">;
}

/**
 * Resolves the snapshots for a run that starts now: for every ancestor the one in use (`in-use.ts`), and the component's
 * own newest.
 * @throws UncoupleError `failed-precondition` naming every ancestor that has no snapshot but quarantined ones
 */
export async function resolveSnapshots(
  { registry, view }: ResolveDeps,
  pipeline: Pipeline,
  component: string,
  signal: AbortSignal,
): Promise<ResolvedSnapshots | UnjudgedSnapshots> {
  const needed = ancestors(pipeline.components, componentNamed(pipeline, component).name);
  if (needed.length > 0) await view.catchUp(signal);
  const { history } = view;
  const upstream = needed.length === 0 ? {} : inUse(needed, history, await registry.aliased(CHAMPION));
  const unjudged: Record<string, number> = {};
  const missing: string[] = [];
  for (const { name } of needed) {
    if (upstream[name] !== undefined) continue;
    const [newest] = history.sound(name).newest(1, Number.POSITIVE_INFINITY);
    if (newest === undefined) missing.push(name);
    else unjudged[name] = newest;
  }
  if (missing.length > 0) {
    throw new UncoupleError(
      "failed-precondition",
      `${component} trains on the predictions of ${missing.join(" and ")}, which ${missing.length === 1 ? "has" : "have"} no usable snapshot yet; train ${missing.join(" and ")} first`,
    );
  }
  if (Object.keys(unjudged).length > 0) return { unjudged };
  return { upstream, parent: (await registry.latest(component))?.serial ?? null };
}

/**
 * Resolves the ancestors' snapshots for a caller that follows nothing.
 * @throws UncoupleError as `resolveSnapshots`; `failed-precondition` if they have no verdict yet
 */
export async function resolveSnapshotsOnce(
  backplane: PipelineViewDeps["backplane"],
  pipeline: Pipeline,
  component: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Composition> {
  return withPipelineView({ backplane, clock }, signal, async (view, end) => {
    const resolved = await resolveSnapshots({ registry: backplane.registry, view }, pipeline, component, end);
    if ("upstream" in resolved) return resolved.upstream;
    const names = Object.keys(resolved.unjudged).join(" and ");
    throw new UncoupleError("failed-precondition", `the snapshots of ${names} have no verdict yet; start an evaluator`);
  });
}

/** Whether two maps from component to serial are equal. */
export function sameSnapshots(a: Composition, b: Composition): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
