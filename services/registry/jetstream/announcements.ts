import { type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import { createSnapshotIndex, type SnapshotIndex } from "../snapshot-index.ts";
import { type Read, readers, type StoredAnnouncement, type StoredObject } from "./codec.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { createReplicatedLog, type ReplicatedLog } from "./replicated-log.ts";
import type { StoredMessage } from "./stream-api.ts";
import type { LogNames } from "./streams.ts";

/**
 * The announcements of a pipeline: one subject per component and serial, so that the server accepts each serial once.
 * The ledger decides which messages are snapshots; the others are logged, and nobody uses them.
 */
export interface Announcements {
  readonly log: ReplicatedLog<StoredAnnouncement>;
  /** As of the last `log.sync`. */
  readonly ledger: SnapshotIndex;
  subject(component: string, serial: number): string;
  /** Returns where the bytes of an indexed manifest are stored. */
  object(manifest: SnapshotManifest): StoredObject | undefined;
  /**
   * Returns the model store's ids of everything announced, including by messages that are unreadable here: a different
   * version may read them.
   */
  objects(): ReadonlySet<string>;
  /** Returns the announcement at a stream position, if it has been ingested. */
  at(position: number): StoredAnnouncement | undefined;
  /** Whether only a newer version of the program can read the message at a stream position. */
  isNewer(position: number): boolean;
}

export function createAnnouncements(connection: NatsConnection, log: EventLogger, names: LogNames): Announcements {
  const ledger = createSnapshotIndex();
  const byName = new Map<string, StoredObject>();
  const objects = new Set<string>();
  const byPosition = new Map<number, StoredAnnouncement>();
  const newer = new Set<number>();
  const subject = (component: string, serial: number) => `${names.subject}.${component}.${serial}`;
  /** The component and serial of a subject; undefined if nothing can be announced there. */
  const placeOf = (of: string) => {
    const [, component, serial] =
      /^\.([a-z][a-z0-9-]{0,62})\.([1-9]\d{0,8})$/.exec(of.slice(names.subject.length)) ?? [];
    return component === undefined ? undefined : { component, serial: Number(serial) };
  };

  const read = (message: StoredMessage): StoredAnnouncement | undefined => {
    const position = message.sequence;
    const named = readers.announcedObject(message.data);
    if ("value" in named) objects.add(named.value.nuid);
    const parsed = readers.announcement(message.data);
    const place = placeOf(message.subject);
    const refused =
      place === undefined
        ? "the subject is not one of a component and serial"
        : ledger.take({ position, ...place }, manifestAt(parsed, place));
    if (refused === undefined && "value" in parsed) {
      byName.set(snapshotName(parsed.value.manifest), parsed.value.object);
      byPosition.set(position, parsed.value);
      return parsed.value;
    }
    if ("wrong" in parsed && parsed.newer) newer.add(position);
    log("warn", `${names.stream} ${position} (${message.subject}) is unreadable, left out: ${refused}`);
    return undefined;
  };

  return {
    log: createReplicatedLog(connection, names, read),
    ledger,
    subject,
    object: (manifest) => byName.get(snapshotName(manifest)),
    objects: () => objects,
    at: (position) => byPosition.get(position),
    isNewer: (position) => newer.has(position),
  };
}

/** The manifest of a message on the subject of a component and serial, or why it cannot be read. */
function manifestAt(
  parsed: Read<StoredAnnouncement>,
  place: { readonly component: string; readonly serial: number },
): { readonly manifest: SnapshotManifest } | { readonly wrong: string } {
  if ("wrong" in parsed) return parsed;
  const { manifest } = parsed.value;
  const name = snapshotName(manifest);
  return name === snapshotName(place) ? { manifest } : { wrong: `it is ${name}` };
}
