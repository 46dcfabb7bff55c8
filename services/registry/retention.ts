import { randomUUID } from "node:crypto";
import type { SnapshotId } from "../pipeline/manifest.ts";
import type { Tombstone } from "../pipeline/tombstone.ts";
import type { Composition, Logged } from "../pipeline/verdict.ts";

/** Days after which a pin that nobody renews ends. */
export const PIN_DAYS = 7;

/** What was pinned at a position of the retention log. */
export interface RetentionState {
  /** Of the log's last message. */
  readonly position: number;
  readonly pinned: readonly SnapshotId[];
  /** The references of other pipelines. Their snapshots are among the pinned ones. */
  readonly references: readonly Reference[];
}

/** Another pipeline uses a snapshot: its model stays until the reference is released. */
export interface Reference extends SnapshotId {
  /** The pipeline that uses it. */
  readonly by: string;
  /** Unique for what uses it in that pipeline. */
  readonly holder: string;
}

/**
 * Which models of a pipeline were deleted, and which must not be. One log has the pins of each snapshot, a record for each
 * owner of pins, and in the end its tombstone. One of a pin and a deletion comes first:
 *
 * - A deletion names the position of the state that it was decided on, and fails if pins of the snapshot have changed
 *   since: it is appended by compare-and-set on the whole log. It therefore knows every pin of the snapshot, and whatever
 *   holders had made depend on it before they released their pins.
 * - A pin fails if a tombstone is before it in the log.
 *
 * The tombstone is durable before the first byte is purged, so that every reader that misses bytes finds it.
 */
export interface Retention {
  tombstone(component: string, serial: number): Promise<Tombstone | undefined>;
  tombstones(): Promise<readonly Tombstone[]>;
  /** The position of the newest tombstone, 0 for none. */
  end(): Promise<number>;
  /** Yields tombstones from a position on, as `Registry.watch` does announcements. Positions are those of this log. */
  watch(from: number, signal: AbortSignal): AsyncIterable<Logged<Tombstone>>;
  /**
   * Keeps models until `release`, or for seven days without another call. Replaces what the holder has pinned before.
   * @param holder unique: a run, for example @param snapshots component to serial
   * @param owner the component whose trainer or alias the pins are for: accounts are limited to the pins of their components
   * @throws DeletedError if one of them was deleted: the holder has nothing pinned
   */
  pin(holder: string, snapshots: Composition, owner?: string): Promise<void>;
  /**
   * Keeps a model for another pipeline until `release` of the holder, however long that is.
   * @throws DeletedError
   */
  refer(reference: Reference): Promise<void>;
  /** Ends the pins or the reference of a holder, if it has any. */
  release(holder: string): Promise<void>;
  /** Reads everything that was appended before the call. */
  state(): Promise<RetentionState>;
  /**
   * Appends a tombstone. From then on, no reader gets the model, and the next `purge` removes it.
   * @param position of the state that it was decided on
   * @returns false, and nothing is deleted, if the snapshot was pinned or released since, or deleted before
   */
  delete(tombstone: Tombstone, position: number): Promise<boolean>;
  /** Removes the bytes of all models with a tombstone, also those that an earlier process left. @returns whose bytes */
  purge(): Promise<readonly SnapshotId[]>;
}

/**
 * Runs work that makes something depend on a snapshot. What the work pins is released afterwards: a garbage collector that
 * sees it released sees what the work has done.
 */
export async function whilePinned<T>(
  retention: Pick<Retention, "pin" | "release">,
  owner: string,
  work: (pin: (snapshots: Composition) => Promise<void>) => Promise<T>,
): Promise<T> {
  const holder = `change-${randomUUID()}`;
  let pinned = false;
  try {
    return await work((snapshots) => {
      pinned = true;
      return retention.pin(holder, snapshots, owner);
    });
  } finally {
    // The work is done. A pin that cannot be released now ends by itself.
    if (pinned) await retention.release(holder).catch(() => {});
  }
}

/** The snapshots of a composition. */
export function namesOf(snapshots: Composition): readonly SnapshotId[] {
  return Object.entries(snapshots).map(([component, serial]) => ({ component, serial }));
}
