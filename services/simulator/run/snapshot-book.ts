import type { Composition } from "../../pipeline/verdict.ts";
import type { Fate, SnapshotRecord } from "../records/policy-run.ts";

type Draft = Omit<SnapshotRecord, "fate" | "settledAt">;

/** Keeps what became of every snapshot, and what was in use when. */
export interface SnapshotBook {
  /** A new snapshot, which is held until something else becomes of it. */
  add(draft: Draft): void;
  settle(component: string, serial: number, fate: Fate, at: number): void;
  /** Puts snapshots into use, and supersedes the ones of their components that are older and held. */
  deploy(moves: Composition, at: number): void;
  /** Ends a component: what it has in use is replaced, and what it has held is superseded. */
  end(component: string, at: number): void;
  inUse(): Composition;
  /** The serial of a component that was in use at a time. */
  inUseAt(component: string, at: number): number;
  /** When a serial was replaced, or its component ended; undefined if it is in use, or never was. */
  replacedAt(component: string, serial: number): number | undefined;
  find(component: string, serial: number): SnapshotRecord | undefined;
  /** In the order in which they were added. */
  all(): readonly SnapshotRecord[];
}

interface Stint {
  readonly from: number;
  readonly serial: number;
}

/** @param initial in use at 0; these are not among the records @param end of the simulation, in ticks */
export function createSnapshotBook(initial: Composition, end: number): SnapshotBook {
  const records: SnapshotRecord[] = [];
  const places = new Map<string, number>();
  const held = new Map<string, Set<number>>();
  const stints = new Map(
    Object.entries(initial).map(([name, serial]): [string, Stint[]] => [name, [{ from: 0, serial }]]),
  );
  const replaced = new Map<string, number>();
  const current: Record<string, number> = { ...initial };
  const keyOf = (component: string, serial: number) => `${component}@${serial}`;
  const heldOf = (component: string) => {
    const found = held.get(component) ?? new Set<number>();
    held.set(component, found);
    return found;
  };

  function settle(component: string, serial: number, fate: Fate, at: number): void {
    const place = places.get(keyOf(component, serial));
    if (place === undefined) return;
    const record = records[place] as SnapshotRecord;
    // A gate decides again whenever its release moves; that changes nothing for a team.
    if (record.fate === fate) return;
    records[place] = { ...record, fate, settledAt: fate === "held" ? end : at };
    // A gate may think better of what it has refused.
    if (fate === "deployed" || fate === "superseded") heldOf(component).delete(serial);
  }

  /** Those that are held, of serials below this one. */
  function supersede(component: string, serial: number, at: number): void {
    for (const older of heldOf(component)) {
      if (older >= serial) continue;
      if (records[places.get(keyOf(component, older)) as number]?.fate === "held")
        settle(component, older, "superseded", at);
      heldOf(component).delete(older);
    }
  }

  return {
    settle,
    add(draft) {
      places.set(keyOf(draft.component, draft.serial), records.length);
      records.push({ ...draft, fate: "held", settledAt: end });
      heldOf(draft.component).add(draft.serial);
    },
    deploy(moves, at) {
      for (const [component, serial] of Object.entries(moves)) {
        const before = current[component];
        if (before !== undefined) replaced.set(keyOf(component, before), at);
        replaced.delete(keyOf(component, serial));
        current[component] = serial;
        const own = stints.get(component) ?? [];
        stints.set(component, own);
        own.push({ from: at, serial });
        settle(component, serial, "deployed", at);
        supersede(component, serial, at);
      }
    },
    end(component, at) {
      replaced.set(keyOf(component, current[component] as number), at);
      delete current[component];
      supersede(component, Number.POSITIVE_INFINITY, at);
    },
    inUse: () => ({ ...current }),
    inUseAt(component, at) {
      const all = stints.get(component) as Stint[];
      return (all.findLast(({ from }) => from <= at) ?? (all[0] as Stint)).serial;
    },
    replacedAt: (component, serial) => replaced.get(keyOf(component, serial)),
    find(component, serial) {
      const place = places.get(keyOf(component, serial));
      return place === undefined ? undefined : records[place];
    },
    all: () => records,
  };
}
