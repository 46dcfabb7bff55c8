import type { GatePolicy } from "../pipeline/gate.ts";
import type { Release } from "../pipeline/release.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { AnnouncedSnapshot, SnapshotHistory, SnapshotSeries } from "./snapshot-history.ts";

/** The alias of the snapshot that a person chose for a component: in the alias log before the first release, then `pinned`. */
export const CHAMPION = "champion";

type Named = readonly { readonly name: string }[];
/** A pipeline file, or its part that decides what is in use. */
export interface UsingPipeline extends Gated {
  readonly components: Named;
}
interface Gated {
  readonly gate?: Pick<GatePolicy, "mode"> | undefined;
}

/** What the store says about what is in use, as of one moment. */
export interface InForce {
  /** The newest release. */
  readonly release: Pick<Release, "number" | "composition" | "pinned"> | undefined;
  /** Component to serial, of the alias log; it counts before the first release only. */
  readonly champions: Composition;
}

export async function readInForce({
  ledger,
  registry,
}: {
  readonly ledger: Pick<Backplane["ledger"], "release">;
  readonly registry: Pick<Backplane["registry"], "aliased">;
}): Promise<InForce> {
  const release = (await ledger.release())?.value;
  return { release, champions: release === undefined ? await registry.aliased(CHAMPION) : {} };
}

/**
 * What trainers pin and status and matrix show now: the newest release, without quarantined and deleted snapshots.
 * Components without one are omitted.
 *
 * Before the first release, no evaluator of this version has run: each component's champion, or else its newest snapshot, of
 * those that have a verdict and are not quarantined. With a gate that enforces, nothing is in use before the first release.
 */
export function inUse(
  pipeline: UsingPipeline,
  history: Pick<SnapshotHistory, "sound" | "usable">,
  { release, champions }: InForce,
): Composition {
  if (release !== undefined) return soundOf(pipeline.components, history, release.composition);
  return isEnforced(pipeline) ? {} : newestJudged(pipeline.components, history, champions);
}

/** As `inUse`, as of now. */
export async function usedNow(
  pipeline: UsingPipeline,
  history: Pick<SnapshotHistory, "sound" | "usable">,
  backplane: Parameters<typeof readInForce>[0],
): Promise<Composition> {
  return inUse(pipeline, history, await readInForce(backplane));
}

/**
 * What a candidate is compared with: for each component, the serial that a person pinned, or else the newest snapshot, of
 * those announced before the candidate that are not quarantined, judged or not. A verdict therefore does not depend on when it
 * is made: a backlog gets the same verdicts as snapshots that are judged one by one. Two things can still differ: pins are
 * those of the time of judgment, and an older snapshot may have been quarantined in the meantime.
 */
export function baseline(
  components: Named,
  history: Pick<SnapshotHistory, "sound">,
  inForce: InForce,
  before: number,
): Composition {
  return choose(components, history.sound, pinnedSerials(inForce), before);
}

/**
 * What a candidate is compared with under a gate that enforces: the newest release, whenever its snapshots were announced.
 * Components that it lacks have the newest sound snapshot that was announced before the candidate.
 */
export function releasedBaseline(
  components: Named,
  history: Pick<SnapshotHistory, "sound">,
  { release }: InForce,
  candidate: AnnouncedSnapshot,
): Composition {
  const others = components.filter(({ name }) => name !== candidate.component);
  const released = release?.composition ?? {};
  return {
    // A released candidate is not compared with itself.
    ...choose(components, history.sound, released, candidate.position),
    ...soundOf(others, history, released),
  };
}

/** For each component, the fixed serial, or else the newest snapshot, of those that have a verdict and are not quarantined. */
export function newestJudged(
  components: Named,
  history: Pick<SnapshotHistory, "usable">,
  fixed: Composition,
): Composition {
  return choose(components, history.usable, fixed, Number.POSITIVE_INFINITY);
}

export function isEnforced({ gate }: Gated): boolean {
  return gate?.mode === "enforce";
}

/** Component to the serial that a person chose: the alias `champion`. */
export function pinnedSerials({ release, champions }: InForce): Composition {
  if (release === undefined) return champions;
  const { composition, pinned } = release;
  return Object.fromEntries(Object.entries(composition).filter(([component]) => pinned.includes(component)));
}

/** The part of a composition that consists of these components' announced snapshots that are neither quarantined nor deleted. */
function soundOf(components: Named, history: Pick<SnapshotHistory, "sound">, composition: Composition): Composition {
  const sound: Record<string, number> = {};
  for (const { name } of components) {
    const serial = composition[name];
    if (serial !== undefined && history.sound(name).has(serial, Number.POSITIVE_INFINITY)) sound[name] = serial;
  }
  return sound;
}

/** The one rule without a gate. */
function choose(
  components: Named,
  series: (component: string) => SnapshotSeries,
  fixed: Composition,
  before: number,
): Composition {
  const chosen: Record<string, number> = {};
  for (const { name } of components) {
    const candidates = series(name);
    const wanted = fixed[name];
    const serial = wanted !== undefined && candidates.has(wanted, before) ? wanted : candidates.newest(1, before)[0];
    if (serial !== undefined) chosen[name] = serial;
  }
  return chosen;
}
