import { type Clock, timestamp } from "../common/clock/clock.ts";
import { type SnapshotId, snapshotName } from "../pipeline/manifest.ts";
import { PIN_DAYS } from "./retention.ts";

/** Keeps a model for a holder. */
export interface Pin {
  readonly holder: string;
  /** ISO 8601, by the holder's clock. */
  readonly renewedAt: string;
}

/** The record of a snapshot that is not deleted: it replaces the one before. */
export interface PinRecord extends SnapshotId {
  readonly version: 1;
  readonly pins: readonly Pin[];
}

/** The records taken so far. */
export interface RetentionIndex {
  /** @returns false if the snapshot has a tombstone already */
  buried(snapshot: SnapshotId, position: number): boolean;
  /** @returns false if the snapshot has a tombstone */
  pinned(record: PinRecord): boolean;
  /** The position of a snapshot's tombstone. */
  positionOf(snapshot: SnapshotId): number | undefined;
  /** The position of the newest tombstone, 0 for none. */
  end(): number;
  pinsOf(snapshot: SnapshotId): readonly Pin[];
  /** What a holder has pinned. */
  heldBy(holder: string): readonly SnapshotId[];
  /** What somebody has pinned. */
  held(clock: Clock): readonly SnapshotId[];
}

export function createRetentionIndex(): RetentionIndex {
  /** Component to serial to position. */
  const tombstones = new Map<string, Map<number, number>>();
  /** By name, of snapshots that have pins. */
  const records = new Map<string, PinRecord>();
  let end = 0;
  const positionOf = ({ component, serial }: SnapshotId) => tombstones.get(component)?.get(serial);
  return {
    buried(snapshot, position) {
      if (positionOf(snapshot) !== undefined) return false;
      const { component, serial } = snapshot;
      const serials = tombstones.get(component) ?? new Map<number, number>();
      tombstones.set(component, serials);
      serials.set(serial, position);
      records.delete(snapshotName(snapshot));
      end = position;
      return true;
    },
    pinned(record) {
      if (positionOf(record) !== undefined) return false;
      if (record.pins.length === 0) records.delete(snapshotName(record));
      else records.set(snapshotName(record), record);
      return true;
    },
    positionOf,
    end: () => end,
    pinsOf: (snapshot) => records.get(snapshotName(snapshot))?.pins ?? [],
    heldBy: (holder) => [...records.values()].filter(({ pins }) => pins.some((pin) => pin.holder === holder)),
    held: (clock) => [...records.values()].filter(({ pins }) => pins.some((pin) => isCurrent(pin, clock))),
  };
}

/** The record of a snapshot after a holder has pinned or released it. */
export function changePins(
  { component, serial }: SnapshotId,
  pins: readonly Pin[],
  holder: string,
  change: "pin" | "release",
  clock: Clock,
): PinRecord {
  const others = pins.filter((pin) => pin.holder !== holder && isCurrent(pin, clock));
  const own = change === "pin" ? [{ holder, renewedAt: timestamp(clock) }] : [];
  return { version: 1, component, serial, pins: [...others, ...own] };
}

/** Days are far longer than the difference between any two clocks. */
function isCurrent({ renewedAt }: Pin, clock: Clock): boolean {
  return clock.now() - Date.parse(renewedAt) < PIN_DAYS * 24 * 3_600_000;
}
