import type { Clock } from "../../common/clock/clock.ts";
import { type SnapshotId, snapshotName } from "../../pipeline/manifest.ts";
import { DeletedError, type Tombstone } from "../../pipeline/tombstone.ts";
import { checkName } from "../names.ts";
import { namesOf, type Retention } from "../retention.ts";
import { changePins, createRetentionIndex, NO_OWNER, type PinRecord, referenceOwner } from "../retention-index.ts";
import { createMemoryLog } from "./log.ts";

/** @param models by `component@serial` */
export function createMemoryRetention(models: Map<string, Uint8Array>, clock: Clock, closed: AbortSignal): Retention {
  const log = createMemoryLog<Tombstone | PinRecord>(closed);
  const index = createRetentionIndex();
  const tombstoneOf = (snapshot: SnapshotId) => {
    const position = index.positionOf(snapshot);
    return position === undefined ? undefined : (log.at(position) as Tombstone);
  };
  const change = (snapshot: SnapshotId, owner: string, holder: string, what: "pin" | "release") => {
    const tombstone = tombstoneOf(snapshot);
    if (tombstone !== undefined) {
      if (what === "pin") throw new DeletedError(tombstone);
      return;
    }
    const record = changePins(snapshot, owner, index.pinsOf(snapshot, owner), holder, what, clock);
    index.pinned(record, log.append(record));
  };
  const release = async (holder: string) => {
    for (const record of index.heldBy(holder)) change(record, record.owner, holder, "release");
  };
  return {
    tombstone: async (component, serial) => tombstoneOf({ component, serial }),
    async tombstones() {
      return log.values().filter((value) => "deletedAt" in value);
    },
    end: async () => index.end(),
    async *watch(from, signal) {
      for await (const { position, value } of log.watch(from, signal)) {
        if ("deletedAt" in value) yield { position, value };
      }
    },
    async pin(holder, snapshots, owner = NO_OWNER) {
      const wanted = namesOf(snapshots);
      for (const { component } of wanted) checkName("component", component);
      await release(holder);
      try {
        for (const snapshot of wanted) change(snapshot, owner, holder, "pin");
      } catch (thrown) {
        await release(holder);
        throw thrown;
      }
    },
    async refer({ component, serial, by, holder }) {
      checkName("component", component);
      checkName("pipeline", by);
      change({ component, serial }, referenceOwner(by), holder, "pin");
    },
    release,
    state: async () => ({ position: log.end(), pinned: index.held(clock), references: index.references() }),
    async delete(tombstone, position) {
      checkName("component", tombstone.component);
      if (index.pinnedAt(tombstone) > position || tombstoneOf(tombstone) !== undefined) return false;
      index.buried(tombstone, log.append(tombstone));
      return true;
    },
    async purge() {
      const purged: SnapshotId[] = [];
      for (const { component, serial } of log.values().filter((value) => "deletedAt" in value)) {
        if (models.delete(snapshotName({ component, serial }))) purged.push({ component, serial });
      }
      return purged;
    },
  };
}
