import { type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import { collect } from "../logged.ts";
import { type AnnouncementPlace, createSnapshotIndex, type SnapshotIndex } from "../snapshot-index.ts";
import { type Read, readers, type StoredAnnouncement } from "./codec.ts";
import type { EventLogger, NatsConnection } from "./nats-connection.ts";
import { createReplicatedLog, type ReplicatedLog } from "./replicated-log.ts";
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
  /** Reads the manifests of all components or one, as of the last `log.sync`. */
  manifests(component?: string): Promise<readonly SnapshotManifest[]>;
  /**
   * Returns the model store's ids of everything announced, including by messages that are unreadable here: a different
   * version may read them.
   */
  objects(): Pick<ReadonlySet<string>, "has">;
  /** The one snapshot whose model has an id in the model store; undefined if there is none, or any other announcement. */
  ownerOf(id: string): AnnouncementPlace | undefined;
  /** Returns what is known of the message at a stream position. */
  kindOf(position: number): AnnouncementKind;
}

/** `newer`: only a newer version of the program can read it. */
export type AnnouncementKind = "snapshot" | "newer" | "unreadable";

export function createAnnouncements(connection: NatsConnection, log: EventLogger, names: LogNames): Announcements {
  const ledger = createSnapshotIndex();
  /** Ids in the model store, with the snapshot announced with it; null for several, or for an unreadable announcement. */
  const objects = new Map<string, AnnouncementPlace | null>();
  /** Messages that are no snapshots, by position. */
  const others = new Map<number, AnnouncementKind>();
  const subject = (component: string, serial: number) => `${names.subject}.${component}.${serial}`;
  /** The component and serial of a subject; undefined if nothing can be announced there. */
  const placeOf = (of: string) => {
    const [, component, serial] =
      /^\.([a-z][a-z0-9-]{0,62})\.([1-9]\d{0,8})$/.exec(of.slice(names.subject.length)) ?? [];
    return component === undefined ? undefined : { component, serial: Number(serial) };
  };

  const announcements = createReplicatedLog<StoredAnnouncement>(connection, log, names, {
    decode: readers.announcement,
    take(message, read) {
      const position = message.sequence;
      const object = "value" in read ? read.value.object : readOf(readers.announcedObject(message.data));
      const place = placeOf(message.subject);
      const refused =
        place === undefined
          ? "the subject is not one of a component and serial"
          : ledger.take({ position, ...place }, manifestAt(read, place));
      if (object !== undefined) {
        const { nuid } = object;
        const isOnly = refused === undefined && place !== undefined && !objects.has(nuid);
        objects.set(nuid, isOnly ? { position, ...place } : null);
      }
      if (refused !== undefined) others.set(position, "wrong" in read && read.newer ? "newer" : "unreadable");
      return refused;
    },
  });

  return {
    log: announcements,
    ledger,
    subject,
    async manifests(component) {
      const filter = component === undefined ? undefined : `${names.subject}.${component}.*`;
      return (await collect(announcements.read(0, filter))).map(({ manifest }) => manifest);
    },
    objects: () => objects,
    ownerOf: (id) => objects.get(id) ?? undefined,
    kindOf: (position) => others.get(position) ?? "snapshot",
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

function readOf<T>(read: Read<T>): T | undefined {
  return "value" in read ? read.value : undefined;
}
