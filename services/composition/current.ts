import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { Announcement } from "../registry/registry.ts";
import { snapshotInUse } from "./in-use.ts";

/** What the choice of the current snapshots depends on. */
export interface CurrentView {
  announcements(component: string): readonly Announcement[];
  quarantined(component: string, serial: number): boolean;
}

/**
 * The snapshots in use at one moment in the order of announcements: of every component the one that the alias
 * `champion` points at, and without it the newest; never a quarantined one, and never one that was announced at or
 * after that moment. A component that has none is left out.
 *
 * A candidate is always compared with what was current just before its own announcement. That does not change when it
 * is delivered again or judged late by a restarted evaluator, with two exceptions that no evaluator can undo: aliases
 * are read when it is judged, and an older snapshot may have been quarantined in the meantime.
 *
 * @param champions component to serial @param before a position, excluded; Infinity for now
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
