import { type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import { createSnapshotIndex, type SnapshotIndex } from "../snapshot-index.ts";
import { readers, type StoredAnnouncement, type StoredObject } from "./codec.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { createReplicatedLog, type ReplicatedLog } from "./replicated-log.ts";
import type { StoredMessage } from "./stream-api.ts";
import type { LogNames } from "./streams.ts";

/**
 * The announcements of a pipeline: one subject per component and serial, so that the server accepts each serial once.
 * Messages that do not continue their component's serials, or are not announcements, are logged and ignored; all readers
 * ignore the same ones.
 */
export interface Announcements {
  readonly log: ReplicatedLog<StoredAnnouncement>;
  /** As of the last `log.sync`. */
  readonly ledger: SnapshotIndex;
  subject(component: string, serial: number): string;
  /** Returns where the bytes of an indexed manifest are stored. */
  object(manifest: SnapshotManifest): StoredObject | undefined;
  /**
   * Returns the model store's ids of everything announced, including by messages that are ignored here: a different
   * version may read them.
   */
  objects(): ReadonlySet<string>;
  /** Returns the announcement at a stream position, if it has been ingested. */
  at(position: number): StoredAnnouncement | undefined;
}

export function createAnnouncements(connection: NatsConnection, log: EventLogger, names: LogNames): Announcements {
  const ledger = createSnapshotIndex();
  const byName = new Map<string, StoredObject>();
  const objects = new Set<string>();
  const byPosition = new Map<number, StoredAnnouncement>();
  const subject = (component: string, serial: number) => `${names.subject}.${component}.${serial}`;

  const read = (message: StoredMessage): StoredAnnouncement | undefined => {
    const named = readers.announcedObject(message.data);
    if ("value" in named) objects.add(named.value.nuid);
    const wrong = (why: string) => {
      log("warn", `${names.stream} ${message.sequence} (${message.subject}) is no announcement, left out: ${why}`);
      return undefined;
    };
    const parsed = readers.announcement(message.data);
    if ("wrong" in parsed) return wrong(parsed.wrong);
    const { manifest, object } = parsed.value;
    if (message.subject !== subject(manifest.component, manifest.serial))
      return wrong(`it is ${snapshotName(manifest)}`);
    const refused = ledger.take(manifest);
    if (refused !== undefined) return wrong(refused);
    byName.set(snapshotName(manifest), object);
    byPosition.set(message.sequence, parsed.value);
    return parsed.value;
  };

  return {
    log: createReplicatedLog(connection, names, read),
    ledger,
    subject,
    object: (manifest) => byName.get(snapshotName(manifest)),
    objects: () => objects,
    at: (position) => byPosition.get(position),
  };
}
