import { type Clock, timestamp } from "../common/clock/clock.ts";
import { type SnapshotId, snapshotName } from "../pipeline/manifest.ts";
import type { RetentionPolicy, Tombstone } from "../pipeline/tombstone.ts";
import type { Backplane } from "../registry/backplane.ts";
import { namesOf } from "../registry/retention.ts";
import { releasesOf } from "./champions.ts";
import { divideSnapshots } from "./divide-snapshots.ts";
import { withGcLease } from "./gc-lease.ts";
import type { PipelineView } from "./pipeline-view.ts";

export interface GarbageDeps {
  readonly pipeline: string;
  readonly policy: RetentionPolicy;
  /** Who collects, in tombstones and as the holder of the lease. */
  readonly by: string;
  readonly backplane: Pick<Backplane, "registry" | "retention" | "ledger" | "leases">;
  /** Must be followed. */
  readonly view: Pick<PipelineView, "history" | "catchUp" | "noteDeleted">;
  readonly clock: Clock;
}

/** A snapshot whose model was deleted, or would be. */
export interface Garbage extends SnapshotId {
  /** Of the model in this store, in bytes. */
  readonly size: number;
}

export interface Collection {
  readonly deleted: readonly Garbage[];
  /** Snapshots whose models stay. */
  readonly kept: number;
  /** What an earlier process had decided to delete when it ended, and is deleted now. */
  readonly completed: readonly SnapshotId[];
}

/**
 * Deletes the models that the policy does not keep (`divide-snapshots.ts`).
 * @throws UncoupleError `conflict` if another process does it now; `cancelled`; `unavailable`: calling it again completes
 *   what was begun
 */
export async function collectGarbage(deps: GarbageDeps, signal: AbortSignal): Promise<Collection> {
  const { view, by } = deps;
  const { retention, leases } = deps.backplane;
  return withGcLease({ leases, by }, signal, async (end) => {
    const { position, garbage, kept } = await decide(deps, end);
    const deleted: Garbage[] = [];
    const spared = new Set<string>();
    for (const snapshot of garbage) {
      end.throwIfAborted();
      if (!spared.has(snapshotName(snapshot)) && (await bury(deps, snapshot, position))) {
        view.noteDeleted(snapshot);
        deleted.push(snapshot);
      } else {
        // Somebody has pinned it since, so what it was trained on stays, too. That was announced before, and comes later.
        for (const upstream of await upstreamOf(deps, snapshot)) spared.add(snapshotName(upstream));
      }
    }
    const names = new Set(deleted.map(snapshotName));
    const purged = await retention.purge();
    const completed = purged.filter((snapshot) => !names.has(snapshotName(snapshot)));
    return { deleted, kept: kept + garbage.length - deleted.length, completed };
  });
}

/** Returns what `collectGarbage` would delete now, without changing anything. */
export async function findGarbage(deps: GarbageDeps, signal: AbortSignal): Promise<Collection> {
  const { garbage, kept } = await decide(deps, signal);
  return { deleted: garbage, kept, completed: [] };
}

interface Decision {
  /** Of the retention log. */
  readonly position: number;
  /** Newest first. */
  readonly garbage: readonly Garbage[];
  readonly kept: number;
}

async function decide({ policy, backplane, view }: GarbageDeps, signal: AbortSignal): Promise<Decision> {
  const { registry, retention, ledger } = backplane;
  // First, so that whatever a pin protected before it was released is seen below.
  const { position, pinned } = await retention.state();
  await view.catchUp(signal);
  const { kept, garbage } = await divideSnapshots({
    policy,
    history: view.history,
    pinned,
    releases: () => releasesOf(ledger),
    aliases: registry.aliases,
    aliasLog: registry.aliasLog,
    upstreamOf: (snapshot) => upstreamOf({ backplane }, snapshot),
  });
  const sized: Garbage[] = [];
  for (const { component, serial } of garbage) {
    signal.throwIfAborted();
    const { size, provenance } = await registry.manifest(component, serial);
    // The model of a linked snapshot is its owner's.
    sized.push({ component, serial, size: provenance.origin === undefined ? size : 0 });
  }
  return { position, garbage: sized, kept: kept.length };
}

async function upstreamOf(
  { backplane }: { readonly backplane: Pick<Backplane, "registry"> },
  { component, serial }: SnapshotId,
): Promise<readonly SnapshotId[]> {
  return namesOf((await backplane.registry.manifest(component, serial)).provenance.upstream ?? {});
}

/** @returns false if somebody has pinned or deleted it since the decision: the next collection decides about it */
function bury({ pipeline, policy, by, backplane, clock }: GarbageDeps, snapshot: SnapshotId, decidedAt: number) {
  const { component, serial } = snapshot;
  const tombstone: Tombstone = { version: 1, pipeline, component, serial, policy, by, deletedAt: timestamp(clock) };
  return backplane.retention.delete(tombstone, decidedAt);
}
