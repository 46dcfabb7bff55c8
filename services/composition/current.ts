import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { Announcement } from "../registry/registry.ts";
import { snapshotInUse } from "./in-use.ts";

/** The information that decides which snapshots are current. */
export interface CurrentView {
  announcements(component: string): readonly Announcement[];
  quarantined(component: string, serial: number): boolean;
}

/**
 * Returns the snapshots in use at one position in the order of announcements: for each component the one that the alias
 * `champion` points at, or the newest if there is no such alias. Quarantined snapshots and those announced at or after the
 * position are excluded; components without a snapshot are omitted.
 *
 * A candidate is always compared with what was current just before its own announcement, even if it is redelivered or
 * judged late, with two exceptions: aliases are read when it is judged, and an older snapshot may have been quarantined
 * in the meantime.
 *
 * @param champions component to serial @param before a position, exclusive; Infinity for the present
 */
export function currentComposition(
  pipeline: Pipeline,
  view: CurrentView,
  champions: Composition,
  before: number,
): Composition {
  const current: Record<string, number> = {};
  for (const { name } of pipeline.components) {
    const candidates = view
      .announcements(name)
      .filter(({ position, manifest }) => position < before && !view.quarantined(name, manifest.serial))
      .map(({ manifest }) => manifest);
    const chosen = snapshotInUse(candidates, champions[name]);
    if (chosen !== undefined) current[name] = chosen.serial;
  }
  return current;
}
