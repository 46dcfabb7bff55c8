import { type SnapshotId, snapshotName } from "../pipeline/manifest.ts";
import type { Release } from "../pipeline/release.ts";
import type { RetentionPolicy } from "../pipeline/tombstone.ts";
import type { Composition } from "../pipeline/verdict.ts";
import { recentTargets } from "../registry/alias-history.ts";
import type { AliasChange } from "../registry/registry.ts";
import { namesOf } from "../registry/retention.ts";
import { pinChanges } from "./champions.ts";
import { baseline, CHAMPION, type InForce, newestJudged, pinnedSerials } from "./in-use.ts";
import type { SnapshotHistory, SnapshotSeries } from "./snapshot-history.ts";

/** What garbage collection has to know of a pipeline, as of one moment. */
export interface RetentionFacts {
  readonly policy: RetentionPolicy;
  readonly history: SnapshotHistory;
  readonly pinned: readonly SnapshotId[];
  /** Every release, oldest first. */
  releases(): AsyncIterable<Release>;
  /** Of a component, alias to serial. */
  aliases(component: string): Promise<Readonly<Record<string, number>>>;
  /** Of a component, every change, oldest first. */
  aliasLog(component: string): Promise<readonly AliasChange[]>;
  /** What a snapshot was trained on, as its manifest says. */
  upstreamOf(snapshot: SnapshotId): Promise<readonly SnapshotId[]>;
}

export interface Division {
  readonly kept: readonly SnapshotId[];
  /** Newest announcement first, so that what a snapshot was trained on comes after it. */
  readonly garbage: readonly SnapshotId[];
}

/**
 * Divides the snapshots that have a model into those that must keep it, and the others. Kept are:
 *
 * - the newest of each component, as many as the policy says, also quarantined ones;
 * - what is in use, and what the last releases named, as many as the policy says;
 * - what the champion can be rolled back to, and what other aliases point at;
 * - what is pinned by runs;
 * - every snapshot without a verdict or quarantine, and the baseline of its judgment;
 * - everything that one of these names as upstream, and so on.
 */
export async function divideSnapshots(facts: RetentionFacts): Promise<Division> {
  const { policy, history } = facts;
  const pointed: SnapshotId[] = [];
  const champions: Record<string, number> = {};
  const changes = new Map<string, AliasChange[]>();
  for (const component of history.components()) {
    const { [CHAMPION]: champion, ...aliases } = await facts.aliases(component);
    for (const serial of Object.values(aliases)) pointed.push({ component, serial });
    if (champion !== undefined) champions[component] = champion;
    changes.set(component, [...(await facts.aliasLog(component))]);
  }
  const releases: Release[] = [];
  let pinned: Composition = champions;
  for await (const release of facts.releases()) {
    for (const change of pinChanges(release, pinned)) changes.get(change.component)?.push(change);
    pinned = pinnedSerials({ release, champions: {} });
    releases.push(release);
    if (releases.length > policy.champions + 1) releases.shift();
  }
  const release = releases.at(-1);
  for (const { composition } of releases) pointed.push(...namesOf(composition));
  for (const [component, log] of changes) {
    for (const serial of recentTargets(log, CHAMPION, policy.champions)) pointed.push({ component, serial });
  }
  const inForce: InForce = { release, champions };

  // The view goes on following the pipeline. From here on, nothing is awaited until everything is asked of one moment.
  const names = history.components();
  const components = names.map((name) => ({ name }));
  const stored = names.flatMap((component) =>
    all(history.stored(component)).map((snapshot) => ({ component, ...snapshot })),
  );
  const byName = new Map(stored.map((snapshot) => [snapshotName(snapshot), snapshot]));
  const kept = new Map<string, SnapshotId>();
  const keep = (snapshots: readonly SnapshotId[]) => {
    for (const snapshot of snapshots) {
      const found = byName.get(snapshotName(snapshot));
      if (found !== undefined) kept.set(snapshotName(found), found);
    }
  };
  keep(names.flatMap((component) => all(history.stored(component), policy.keep).map((one) => ({ component, ...one }))));
  keep(pointed);
  keep(facts.pinned);
  if (release === undefined) keep(namesOf(newestJudged(components, history, champions)));
  for (const snapshot of history.unsettled()) {
    keep([snapshot, ...namesOf(baseline(components, history, inForce, snapshot.position))]);
  }

  // A map yields what is added while it is iterated.
  for (const snapshot of kept.values()) keep(await facts.upstreamOf(snapshot));
  const garbage = stored.filter((snapshot) => !kept.has(snapshotName(snapshot)));
  return { kept: [...kept.values()], garbage: garbage.sort((a, b) => b.position - a.position) };
}

/** The newest of a series, with their positions. */
function all(series: SnapshotSeries, count = Number.POSITIVE_INFINITY) {
  const serials = series.newest(count, Number.POSITIVE_INFINITY);
  return serials.map((serial) => ({ serial, position: series.positionOf(serial) ?? 0 }));
}
