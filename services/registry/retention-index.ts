import { type Clock, timestamp } from "../common/clock/clock.ts";
import { type SnapshotId, snapshotName } from "../pipeline/manifest.ts";
import { PIN_DAYS, type Reference } from "./retention.ts";

/** Keeps a model for a holder. */
export interface Pin {
  readonly holder: string;
  /** ISO 8601, by the holder's clock. */
  readonly renewedAt: string;
}

/** The pins of one owner on a snapshot. A later record of the same owner replaces it. */
export interface PinRecord extends SnapshotId {
  readonly version: 1;
  /** The component whose trainer or alias the pins are for, NO_OWNER, or a `referenceOwner`. */
  readonly owner: string;
  readonly pins: readonly Pin[];
}

/** The owner of pins that are for no component; no name of a component. */
export const NO_OWNER = "_";

/** The owner of the references of a pipeline; no name of a component either. */
export function referenceOwner(pipeline: string): string {
  return `${NO_OWNER}${pipeline}`;
}

/** The pipeline whose references have this owner; undefined for any other owner. */
function referringPipeline(owner: string): string | undefined {
  return owner.startsWith(NO_OWNER) && owner !== NO_OWNER ? owner.slice(NO_OWNER.length) : undefined;
}

/** The records taken so far. */
export interface RetentionIndex {
  /** @returns false if the snapshot has a tombstone already */
  buried(snapshot: SnapshotId, position: number): boolean;
  /** @returns false if the snapshot has a tombstone */
  pinned(record: PinRecord, position: number): boolean;
  /** The position of the newest record of a snapshot's pins, 0 for none. */
  pinnedAt(snapshot: SnapshotId): number;
  /** The position of a snapshot's tombstone. */
  positionOf(snapshot: SnapshotId): number | undefined;
  /** The position of the newest tombstone, 0 for none. */
  end(): number;
  pinsOf(snapshot: SnapshotId, owner: string): readonly Pin[];
  /** The records with pins of a holder. */
  heldBy(holder: string): readonly PinRecord[];
  /** What somebody has pinned. */
  held(clock: Clock): readonly SnapshotId[];
  /** What other pipelines refer to. */
  references(): readonly Reference[];
}

export function createRetentionIndex(): RetentionIndex {
  /** Component to serial to position. */
  const tombstones = new Map<string, Map<number, number>>();
  /** By name and owner, of snapshots that have pins. */
  const records = new Map<string, Map<string, PinRecord>>();
  const changedAt = new Map<string, number>();
  let end = 0;
  const positionOf = ({ component, serial }: SnapshotId) => tombstones.get(component)?.get(serial);
  const all = () => [...records.values()].flatMap((byOwner) => [...byOwner.values()]);
  return {
    buried(snapshot, position) {
      if (positionOf(snapshot) !== undefined) return false;
      const { component, serial } = snapshot;
      const serials = tombstones.get(component) ?? new Map<number, number>();
      tombstones.set(component, serials);
      serials.set(serial, position);
      records.delete(snapshotName(snapshot));
      changedAt.delete(snapshotName(snapshot));
      end = position;
      return true;
    },
    pinned(record, position) {
      if (positionOf(record) !== undefined) return false;
      const name = snapshotName(record);
      changedAt.set(name, position);
      const byOwner = records.get(name) ?? new Map<string, PinRecord>();
      if (record.pins.length > 0) byOwner.set(record.owner, record);
      else byOwner.delete(record.owner);
      if (byOwner.size > 0) records.set(name, byOwner);
      else records.delete(name);
      return true;
    },
    pinnedAt: (snapshot) => changedAt.get(snapshotName(snapshot)) ?? 0,
    positionOf,
    end: () => end,
    pinsOf: (snapshot, owner) => records.get(snapshotName(snapshot))?.get(owner)?.pins ?? [],
    heldBy: (holder) => all().filter(({ pins }) => pins.some((pin) => pin.holder === holder)),
    held(clock) {
      const held = all().filter((record) => record.pins.some((pin) => isCurrent(record, pin, clock)));
      return [
        ...new Map(held.map(({ component, serial }) => [`${component}@${serial}`, { component, serial }])).values(),
      ];
    },
    references: () =>
      all().flatMap(({ component, serial, owner, pins }) => {
        const by = referringPipeline(owner);
        return by === undefined ? [] : pins.map(({ holder }) => ({ component, serial, by, holder }));
      }),
  };
}

/** The record of an owner's pins on a snapshot after a holder has pinned or released it. */
export function changePins(
  { component, serial }: SnapshotId,
  owner: string,
  pins: readonly Pin[],
  holder: string,
  change: "pin" | "release",
  clock: Clock,
): PinRecord {
  const others = pins.filter((pin) => pin.holder !== holder && isCurrent({ owner }, pin, clock));
  const own = change === "pin" ? [{ holder, renewedAt: timestamp(clock) }] : [];
  return { version: 1, component, serial, owner, pins: [...others, ...own] };
}

/** References do not expire. Days are far longer than the difference between any two clocks. */
function isCurrent({ owner }: Pick<PinRecord, "owner">, { renewedAt }: Pin, clock: Clock): boolean {
  return referringPipeline(owner) !== undefined || clock.now() - Date.parse(renewedAt) < PIN_DAYS * 24 * 3_600_000;
}
