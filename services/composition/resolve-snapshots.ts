import type { Clock } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import { ancestors, componentNamed } from "../pipeline/dag.ts";
import { snapshotName } from "../pipeline/manifest.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { Ledger } from "../registry/ledger.ts";
import type { Registry } from "../registry/registry.ts";
import { namesOf } from "../registry/retention.ts";
import { inUse, isEnforced, readInForce } from "./in-use.ts";
import { type PipelineView, type PipelineViewDeps, withPipelineView } from "./pipeline-view.ts";

/** The snapshots that a run trains with. Resolved once: a resumed run uses the same ones. */
export interface ResolvedSnapshots {
  /** Ancestor to serial. */
  readonly upstream: Composition;
  /** The component's newest snapshot when the run started; the run's snapshot must follow it. */
  readonly parent: number | null;
}

/** Why there is nothing to train on yet, for each ancestor that lacks a snapshot in use: component to newest serial. */
export interface AwaitedSnapshots {
  /** They have no verdict yet. */
  readonly unjudged: Composition;
  /** No release has one of this component. */
  readonly unreleased: Composition;
}

export interface ResolveDeps {
  readonly backplane: {
    readonly registry: Pick<Registry, "aliased" | "latest">;
    readonly ledger: Pick<Ledger, "release">;
  };
  /** Must be followed. */
  readonly view: Pick<PipelineView, "history" | "catchUp">;
}

/**
 * Resolves the snapshots for a run that starts now: for every ancestor the one that was asked for, or else the one in use
 * (`in-use.ts`), and the component's own newest.
 * @param asked ancestor to serial: snapshots that the component can train on (`checkAskedSnapshots`)
 * @throws UncoupleError `failed-precondition` naming every ancestor that has no snapshot but quarantined ones
 */
export async function resolveSnapshots(
  { backplane, view }: ResolveDeps,
  pipeline: Pipeline,
  component: string,
  signal: AbortSignal,
  asked: Composition = {},
): Promise<ResolvedSnapshots | AwaitedSnapshots> {
  const above = ancestors(pipeline.components, componentNamed(pipeline, component).name);
  const needed = above.filter(({ name }) => asked[name] === undefined);
  const { history } = view;
  let upstream: Composition = {};
  if (needed.length > 0) {
    // In this order: the view then has every snapshot that the newest release names.
    const inForce = await readInForce(backplane);
    await view.catchUp(signal);
    upstream = inUse({ ...pipeline, components: needed }, history, inForce);
  }
  const unjudged: Record<string, number> = {};
  const unreleased: Record<string, number> = {};
  const missing: string[] = [];
  for (const { name } of needed) {
    if (upstream[name] !== undefined) continue;
    const [newest] = history.sound(name).newest(1, Number.POSITIVE_INFINITY);
    if (newest === undefined) missing.push(name);
    else if (isEnforced(pipeline) || history.usable(name).has(newest, Number.POSITIVE_INFINITY))
      unreleased[name] = newest;
    else unjudged[name] = newest;
  }
  if (missing.length > 0) {
    throw new UncoupleError(
      "failed-precondition",
      `${component} trains on the predictions of ${missing.join(" and ")}, which ${missing.length === 1 ? "has" : "have"} no usable snapshot yet; train ${missing.join(" and ")} first`,
    );
  }
  if (Object.keys({ ...unjudged, ...unreleased }).length > 0) return { unjudged, unreleased };
  const parent = (await backplane.registry.latest(component))?.serial ?? null;
  return { upstream: { ...upstream, ...asked }, parent };
}

/**
 * Resolves the ancestors' snapshots for a caller that follows nothing.
 * @throws UncoupleError as `resolveSnapshots`; `failed-precondition` if they have no verdict or release yet
 */
export async function resolveSnapshotsOnce(
  backplane: PipelineViewDeps["backplane"],
  pipeline: Pipeline,
  component: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Composition> {
  return withPipelineView({ backplane, clock }, signal, async (view, end) => {
    const resolved = await resolveSnapshots({ backplane, view }, pipeline, component, end);
    if ("upstream" in resolved) return resolved.upstream;
    throw new UncoupleError(
      "failed-precondition",
      `there is nothing to train on yet: ${component} needs ${awaitedText(resolved)}`,
    );
  });
}

/** `a verdict on m1@3 and m2@1`, `a release of m1` */
export function awaitedText({ unjudged, unreleased }: AwaitedSnapshots): string {
  const judged = namesOf(unjudged).map(snapshotName).join(" and ");
  const released = Object.keys(unreleased).join(" and ");
  return [judged && `a verdict on ${judged}`, released && `a release of ${released}`].filter(Boolean).join(" and ");
}

/** Whether two maps from component to serial are equal. */
export function sameSnapshots(a: Composition, b: Composition): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
