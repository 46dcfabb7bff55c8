import { type SnapshotId, snapshotName } from "../pipeline/manifest.ts";
import { comparedSnapshots, type Verdict } from "../pipeline/verdict.ts";

/** An announced snapshot by name, with its position. */
export interface AnnouncedSnapshot extends SnapshotId {
  readonly position: number;
}

/**
 * The announcements, verdicts, quarantines and tombstones of a pipeline, by name and position only, indexed for the
 * questions of `in-use.ts`: their cost does not depend on the length of the history. Everything can come before the
 * announcement that it is about.
 */
export interface SnapshotHistory {
  announced(snapshot: SnapshotId, position: number): void;
  judged(verdict: Verdict): void;
  quarantined(snapshot: SnapshotId): void;
  /** The snapshot's model was deleted by policy. */
  deleted(snapshot: SnapshotId): void;
  isDeleted(snapshot: SnapshotId): boolean;
  isQuarantined(snapshot: SnapshotId): boolean;
  /** Whether a verdict has compared that snapshot, which shows that it produced valid predictions. */
  isProven(snapshot: SnapshotId): boolean;
  /** The first announced snapshot before a position, of any component, with neither a verdict nor a quarantine. */
  firstUnsettled(before: number): SnapshotId | undefined;
  /** The announced snapshots with neither a verdict nor a quarantine, in the order of announcement. */
  unsettled(): Iterable<AnnouncedSnapshot>;
  /** The components that have announced a snapshot. */
  components(): readonly string[];
  /** The snapshots of a component whose model is not deleted. */
  stored(component: string): SnapshotSeries;
  /** Those of them that are not quarantined. */
  sound(component: string): SnapshotSeries;
  /** Those of them that have a verdict and are not quarantined. */
  usable(component: string): SnapshotSeries;
}

/** Some of a component's announced snapshots. */
export interface SnapshotSeries {
  /** The newest `count` serials that were announced before a position, ascending. */
  newest(count: number, before: number): readonly number[];
  /** Whether a serial is one of them and was announced before a position. */
  has(serial: number, before: number): boolean;
  positionOf(serial: number): number | undefined;
}

interface ComponentHistory {
  readonly stored: MutableSeries;
  readonly sound: MutableSeries;
  readonly usable: MutableSeries;
  readonly verdicts: Set<number>;
  readonly quarantines: Set<number>;
  readonly proven: Set<number>;
  readonly deleted: Set<number>;
}

export function createSnapshotHistory(): SnapshotHistory {
  const components = new Map<string, ComponentHistory>();
  /** By name, in the order of announcement. */
  const unsettled = new Map<string, AnnouncedSnapshot>();
  const of = (component: string): ComponentHistory => {
    let history = components.get(component);
    if (history === undefined) {
      history = {
        stored: createSeries(),
        sound: createSeries(),
        usable: createSeries(),
        verdicts: new Set(),
        quarantines: new Set(),
        proven: new Set(),
        deleted: new Set(),
      };
      components.set(component, history);
    }
    return history;
  };
  return {
    announced(snapshot, position) {
      const { component, serial } = snapshot;
      const { stored, sound, usable, verdicts, quarantines, deleted } = of(component);
      if (deleted.has(serial)) return;
      stored.add(serial, position);
      const isJudged = verdicts.has(serial);
      const isQuarantined = quarantines.has(serial);
      if (!isQuarantined) sound.add(serial, position);
      if (isJudged && !isQuarantined) usable.add(serial, position);
      if (!isJudged && !isQuarantined) unsettled.set(snapshotName(snapshot), { component, serial, position });
    },
    judged(verdict) {
      const { component, serial } = verdict;
      const { sound, usable, verdicts } = of(component);
      verdicts.add(serial);
      unsettled.delete(snapshotName(verdict));
      const position = sound.positionOf(serial);
      if (position !== undefined) usable.add(serial, position);
      for (const compared of comparedSnapshots(verdict)) of(compared.component).proven.add(compared.serial);
    },
    quarantined(snapshot) {
      const { sound, usable, quarantines } = of(snapshot.component);
      quarantines.add(snapshot.serial);
      unsettled.delete(snapshotName(snapshot));
      sound.remove(snapshot.serial);
      usable.remove(snapshot.serial);
    },
    deleted(snapshot) {
      const { stored, sound, usable, deleted } = of(snapshot.component);
      deleted.add(snapshot.serial);
      unsettled.delete(snapshotName(snapshot));
      for (const series of [stored, sound, usable]) series.remove(snapshot.serial);
    },
    isDeleted: ({ component, serial }) => components.get(component)?.deleted.has(serial) ?? false,
    isQuarantined: ({ component, serial }) => components.get(component)?.quarantines.has(serial) ?? false,
    isProven: ({ component, serial }) => components.get(component)?.proven.has(serial) ?? false,
    firstUnsettled(before) {
      const [first] = unsettled.values();
      return first !== undefined && first.position < before ? first : undefined;
    },
    unsettled: () => unsettled.values(),
    components: () =>
      [...components].flatMap(([name, { stored }]) =>
        stored.newest(1, Number.POSITIVE_INFINITY).length > 0 ? [name] : [],
      ),
    stored: (component) => of(component).stored,
    sound: (component) => of(component).sound,
    usable: (component) => of(component).usable,
  };
}

interface MutableSeries extends SnapshotSeries {
  /** Does nothing if the serial is there. */
  add(serial: number, position: number): void;
  remove(serial: number): void;
}

/** Serials in ascending order with their positions, which ascend as well. Changes are near the end. */
function createSeries(): MutableSeries {
  const serials: number[] = [];
  const positions: number[] = [];
  const has = (serial: number, index = firstFrom(serials, serial)) => serials[index] === serial;
  return {
    add(serial, position) {
      const index = firstFrom(serials, serial);
      if (has(serial, index)) return;
      serials.splice(index, 0, serial);
      positions.splice(index, 0, position);
    },
    remove(serial) {
      const index = firstFrom(serials, serial);
      if (!has(serial, index)) return;
      serials.splice(index, 1);
      positions.splice(index, 1);
    },
    positionOf(serial) {
      const index = firstFrom(serials, serial);
      return has(serial, index) ? positions[index] : undefined;
    },
    newest(count, before) {
      const end = firstFrom(positions, before);
      return serials.slice(Math.max(0, end - count), end);
    },
    has(serial, before) {
      const index = firstFrom(serials, serial);
      return has(serial, index) && (positions[index] as number) < before;
    },
  };
}

/** The index of the first of ascending values that is not below a value. */
function firstFrom(values: readonly number[], value: number): number {
  let low = 0;
  let high = values.length;
  // Mostly, the end is asked for.
  if (high === 0 || (values[high - 1] as number) < value) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
