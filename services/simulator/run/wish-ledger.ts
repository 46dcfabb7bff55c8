import type { WishRecord } from "../records/policy-run.ts";
import type { Wish } from "../world/events.ts";
import type { SnapshotBook } from "./snapshot-book.ts";

/** Keeps what became of wishes. */
export interface WishLedger {
  add(wish: Wish): void;
  started(wishes: readonly Wish[], at: number): void;
  trained(wishes: readonly Wish[], serial: number): void;
  /** @param endOf when a team ends, with the simulation at the latest, in ticks */
  records(book: SnapshotBook, endOf: (team: string) => number): readonly WishRecord[];
}

/** Sums of times are not exact. */
const ROUNDING = 1e-9;

export function createWishLedger(): WishLedger {
  const all: Wish[] = [];
  const starts = new Map<Wish, number>();
  const serials = new Map<Wish, number>();
  return {
    add: (wish) => void all.push(wish),
    started(wishes, at) {
      for (const wish of wishes) starts.set(wish, at);
    },
    trained(wishes, serial) {
      for (const wish of wishes) serials.set(wish, serial);
    },
    records: (book, endOf) =>
      all.map((wish) => {
        const end = endOf(wish.team);
        const startedAt = starts.get(wish) ?? null;
        const serial = serials.get(wish) ?? null;
        const snapshot = serial === null ? undefined : book.find(wish.team, serial);
        const settled = Math.min(snapshot?.settledAt ?? end, end);
        const busy = startedAt === null ? 0 : Math.min(wish.duration + wish.delay, end - startedAt);
        const waited = settled - wish.at - busy;
        return { team: wish.team, at: wish.at, startedAt, serial, waited: waited < ROUNDING ? 0 : waited };
      }),
  };
}
