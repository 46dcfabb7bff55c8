import type { Composition } from "../pipeline/verdict.ts";
import type { SnapshotHistory, SnapshotSeries } from "./snapshot-history.ts";

/** The alias that overrides which snapshot of a component is in use. */
export const CHAMPION = "champion";

type Named = readonly { readonly name: string }[];

/**
 * What a candidate is compared with: for each component, its champion, or else the newest snapshot, of those announced
 * before the candidate that are not quarantined, judged or not. A verdict therefore does not depend on when it is made: a
 * backlog gets the same verdicts as snapshots that are judged one by one. Two things can still differ: champions are those
 * of the time of judgment, and an older snapshot may have been quarantined in the meantime.
 *
 * @param champions component to serial @param before the candidate's position
 */
export function baseline(
  components: Named,
  history: Pick<SnapshotHistory, "sound">,
  champions: Composition,
  before: number,
): Composition {
  return choose(components, history.sound, champions, before);
}

/**
 * What trainers pin and status and matrix show now: for each component, its champion, or else the newest snapshot, of
 * those that have a verdict and are not quarantined. Components without one are omitted.
 *
 * @param champions component to serial
 */
export function inUse(
  components: Named,
  history: Pick<SnapshotHistory, "usable">,
  champions: Composition,
): Composition {
  return choose(components, history.usable, champions, Number.POSITIVE_INFINITY);
}

/** The one rule. */
function choose(
  components: Named,
  series: (component: string) => SnapshotSeries,
  champions: Composition,
  before: number,
): Composition {
  const chosen: Record<string, number> = {};
  for (const { name } of components) {
    const candidates = series(name);
    const champion = champions[name];
    const serial =
      champion !== undefined && candidates.has(champion, before) ? champion : candidates.newest(1, before)[0];
    if (serial !== undefined) chosen[name] = serial;
  }
  return chosen;
}
