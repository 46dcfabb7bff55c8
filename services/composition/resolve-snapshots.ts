import { UncoupleError } from "../common/errors.ts";
import { ancestors, componentNamed } from "../pipeline/dag.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Backplane } from "../registry/backplane.ts";
import { CHAMPION, snapshotInUse } from "./in-use.ts";

/** The snapshots that a run trains with. Resolved once: a resumed run uses the same ones. */
export interface ResolvedSnapshots {
  /** Ancestor to serial. */
  readonly upstream: Readonly<Record<string, number>>;
  /** The component's newest snapshot when the run started; the run's snapshot must follow it. */
  readonly parent: number | null;
}

/**
 * Resolves the snapshots for a run that starts now: for every ancestor the one in use (its champion, or its newest that is
 * not quarantined), and the component's own newest.
 * @throws UncoupleError `failed-precondition` naming every ancestor without a usable snapshot
 */
export async function resolveSnapshots(
  backplane: Pick<Backplane, "registry" | "quarantines">,
  pipeline: Pipeline,
  component: string,
): Promise<ResolvedSnapshots> {
  const { registry } = backplane;
  const upstream: Record<string, number> = {};
  const missing: string[] = [];
  const needed = ancestors(pipeline.components, componentNamed(pipeline, component).name);
  const quarantines = needed.length === 0 ? [] : await backplane.quarantines.list();
  const refused = new Set(quarantines.map((entry) => `${entry.component} ${entry.serial}`));
  for (const { name } of needed) {
    const usable = (await registry.list(name)).filter(({ serial }) => !refused.has(`${name} ${serial}`));
    const chosen = snapshotInUse(usable, (await registry.aliases(name))[CHAMPION]);
    if (chosen === undefined) missing.push(name);
    else upstream[name] = chosen.serial;
  }
  if (missing.length > 0) {
    throw new UncoupleError(
      "failed-precondition",
      `${component} trains on the predictions of ${missing.join(" and ")}, which ${missing.length === 1 ? "has" : "have"} no usable snapshot yet; train ${missing.join(" and ")} first`,
    );
  }
  return { upstream, parent: (await registry.latest(component))?.serial ?? null };
}

/** Whether two maps from component to serial are equal. */
export function sameSnapshots(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
