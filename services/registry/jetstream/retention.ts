import { createRetry, type Retry } from "../../common/async/retry.ts";
import { UncoupleError } from "../../common/errors.ts";
import { type SnapshotId, snapshotName } from "../../pipeline/manifest.ts";
import { DeletedError, type Tombstone } from "../../pipeline/tombstone.ts";
import type { Logged } from "../../pipeline/verdict.ts";
import { checkName } from "../names.ts";
import { namesOf, type Retention } from "../retention.ts";
import { changePins, createRetentionIndex, NO_OWNER, type PinRecord, referenceOwner } from "../retention-index.ts";
import type { Announcements } from "./announcements.ts";
import { type Reader, readers } from "./codec.ts";
import type { ModelStore } from "./model-store.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { createReplicatedLog } from "./replicated-log.ts";
import { retryPolicy } from "./retry-policy.ts";
import { namingRight } from "./rights.ts";
import type { LogNames } from "./streams.ts";

export interface JetStreamRetentionDeps {
  readonly connection: NatsConnection;
  readonly log: EventLogger;
  readonly names: LogNames;
  readonly announcements: Announcements;
  readonly models: ModelStore;
  readonly retryLimitMs: number;
}

type Entry = { readonly tombstone: Tombstone } | { readonly pins: PinRecord };

/** One subject per component and serial has the snapshot's tombstone, one for each owner below it the owner's pins. */
export function createJetStreamRetention(deps: JetStreamRetentionDeps): Retention {
  const { connection, names, announcements, models } = deps;
  const { clock } = connection;
  const index = createRetentionIndex();
  const subject = ({ component, serial }: SnapshotId) => `${names.subject}.${component}.${serial}`;
  const pinSubject = (snapshot: SnapshotId, owner: string) => `${subject(snapshot)}.${owner}`;
  const log = createReplicatedLog<Entry>(connection, deps.log, names, {
    decode: entry,
    take({ sequence, subject: at }, read) {
      if ("wrong" in read) return read.wrong;
      const { value } = read;
      const about = "pins" in value ? value.pins : value.tombstone;
      const wanted = "pins" in value ? pinSubject(value.pins, value.pins.owner) : subject(about);
      if (at !== wanted) return `it is of ${snapshotName(about)}`;
      const isNew = "pins" in value ? index.pinned(value.pins, sequence) : index.buried(value.tombstone, sequence);
      return isNew ? undefined : "there is a tombstone already";
    },
  });
  const tombstoneAt = async (position: number): Promise<Tombstone> => {
    const found = await log.at(position);
    if ("tombstone" in found) return found.tombstone;
    throw new UncoupleError("internal", `${names.stream} ${position} is no tombstone`);
  };
  async function* tombstonesOf(entries: AsyncIterable<Logged<Entry>>): AsyncGenerator<Logged<Tombstone>> {
    for await (const { position, value } of entries) {
      if ("tombstone" in value) yield { position, value: value.tombstone };
    }
  }
  /** @throws DeletedError if the snapshot to pin was deleted before */
  const change = async (
    snapshot: SnapshotId,
    owner: string,
    holder: string,
    what: "pin" | "release",
    retries: Retry,
  ) => {
    const at = pinSubject(snapshot, owner);
    const buried = async () => {
      const position = index.positionOf(snapshot);
      if (position !== undefined && what === "pin") throw new DeletedError(await tombstoneAt(position));
      return position !== undefined;
    };
    while (!(await buried())) {
      const record = changePins(snapshot, owner, index.pinsOf(snapshot, owner), holder, what, clock);
      if (await log.append(at, record, log.lastSequence(at), retries)) {
        // A tombstone may have come before it.
        await buried();
        return;
      }
      // Another process has changed the record: that is progress.
      retries.progress();
    }
  };
  const setPins = async (holder: string, snapshots: readonly SnapshotId[], owner: string) => {
    for (const { component } of snapshots) checkName("component", component);
    const retries = createRetry(retryPolicy(connection, deps.retryLimitMs));
    await retries.run(() => log.sync());
    const isWanted = new Set(snapshots.map((snapshot) => pinSubject(snapshot, owner)));
    const before = index.heldBy(holder);
    for (const snapshot of snapshots) await change(snapshot, owner, holder, "pin", retries);
    for (const record of before) {
      if (isWanted.has(pinSubject(record, record.owner))) continue;
      await change(record, record.owner, holder, "release", retries);
    }
  };
  const release = (holder: string) => setPins(holder, [], NO_OWNER);

  return {
    async tombstone(component, serial) {
      let position = index.positionOf({ component, serial });
      if (position === undefined) {
        await log.sync();
        position = index.positionOf({ component, serial });
      }
      return position === undefined ? undefined : tombstoneAt(position);
    },
    async tombstones() {
      await log.sync();
      const found: Tombstone[] = [];
      for await (const { value } of tombstonesOf(log.read(0))) found.push(value);
      return found;
    },
    async end() {
      await log.sync();
      return index.end();
    },
    watch: (from, signal) => tombstonesOf(log.watch(from, signal)),
    async pin(holder, snapshots, owner = NO_OWNER) {
      try {
        await setPins(holder, namesOf(snapshots), owner);
      } catch (thrown) {
        if (thrown instanceof DeletedError) await release(holder);
        throw namingRight(thrown, owner === NO_OWNER ? "pin models" : `pin models as ${owner}`);
      }
    },
    async refer({ component, serial, by, holder }) {
      checkName("pipeline", by);
      try {
        await setPins(holder, [{ component, serial }], referenceOwner(by));
      } catch (thrown) {
        throw namingRight(thrown, `refer to its models as pipeline ${by}`);
      }
    },
    release,
    async state() {
      await log.sync();
      return { position: log.last(), pinned: index.held(clock), references: index.references() };
    },
    async delete(tombstone, position) {
      checkName("component", tombstone.component);
      const retries = createRetry(retryPolicy(connection, deps.retryLimitMs));
      while (index.pinnedAt(tombstone) <= position && index.positionOf(tombstone) === undefined) {
        if (await log.append(subject(tombstone), tombstone, { ofLog: log.last() }, retries)) return true;
        // Something else was appended: that is progress.
        retries.progress();
      }
      return false;
    },
    async purge() {
      await log.sync();
      await announcements.log.sync();
      const purged: SnapshotId[] = [];
      for (const id of await models.stored()) {
        const place = announcements.ownerOf(id);
        if (place === undefined || index.positionOf(place) === undefined) continue;
        const { object } = await announcements.log.at(place.position);
        if (object === undefined) continue;
        await models.remove(object);
        purged.push({ component: place.component, serial: place.serial });
      }
      return purged;
    },
  };
}

/** Either kind of message. */
const entry: Reader<Entry> = (data) => {
  const pins = readers.pins(data);
  if ("value" in pins) return { value: { pins: pins.value } };
  const tombstone = readers.tombstone(data);
  return "value" in tombstone ? { value: { tombstone: tombstone.value } } : tombstone;
};

/** The retention of a pipeline whose services have not created the log yet: nothing was deleted, and nothing can be. */
export function createAbsentRetention(pipeline: string): Retention {
  return {
    tombstone: async () => undefined,
    tombstones: async () => [],
    end: async () => 0,
    watch: (_from, signal) => silence(signal),
    pin: async () => {},
    refer() {
      throw new UncoupleError(
        "failed-precondition",
        `no service of this version has run pipeline ${pipeline} yet: upgrade its evaluators and trainers before you use its components`,
      );
    },
    release: async () => {},
    state: async () => ({ position: 0, pinned: [], references: [] }),
    delete() {
      throw new UncoupleError(
        "failed-precondition",
        `no service of this version has run pipeline ${pipeline} yet: upgrade its evaluators and trainers before you delete anything`,
      );
    },
    purge: async () => [],
  };
}

/** Yields nothing until the signal aborts. */
async function* silence(signal: AbortSignal): AsyncGenerator<never> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  yield* [];
}
