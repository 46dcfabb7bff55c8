import type { Logged } from "../../pipeline/verdict.ts";

/** Newest entries of a log held in memory. */
const NEWEST = 1024;
/** Older entries held in memory, the most recently used ones. */
const REREAD = 256;

/** The entries of a log that a process holds in memory: the newest ones, and some older ones that were read again. */
export interface RecentEntries<T> {
  /** Adds the newest entry. */
  add(entry: Logged<T>): void;
  /** Keeps an older entry until others have been used more recently. */
  keep(position: number, value: T): void;
  get(position: number): T | undefined;
  /** Whether every entry from a position on is held. */
  covers(position: number): boolean;
  /** Yields the newest entries from a position on that it covers, including those added meanwhile, until it covers none. */
  from(position: number): Generator<Logged<T>, void, undefined>;
  /** Forgets all entries. @param next the first position that can still be added */
  clear(next: number): void;
}

export function createRecentEntries<T>(): RecentEntries<T> {
  let newest: Logged<T>[] = [];
  /** Entries before this position are not among the newest. */
  let start = 0;
  // Least recently used first.
  const reread = new Map<number, T>();
  /** The index of the first entry at or after a position. */
  const indexOf = (position: number): number => {
    let low = 0;
    let high = newest.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((newest[middle] as Logged<T>).position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    add(entry) {
      newest.push(entry);
      // Trimmed by halves, so that an entry is moved once on average.
      if (newest.length < 2 * NEWEST) return;
      start = (newest[NEWEST - 1] as Logged<T>).position + 1;
      newest = newest.slice(NEWEST);
    },
    keep(position, value) {
      reread.delete(position);
      reread.set(position, value);
      const [oldest] = reread.keys();
      if (reread.size > REREAD && oldest !== undefined) reread.delete(oldest);
    },
    get(position) {
      const entry = newest[indexOf(position)];
      if (entry?.position === position) return entry.value;
      const known = reread.get(position);
      if (known !== undefined) this.keep(position, known);
      return known;
    },
    covers: (position) => position >= start,
    clear(next) {
      newest = [];
      start = next;
      reread.clear();
    },
    *from(position) {
      for (let next = position; next >= start; ) {
        const entry = newest[indexOf(next)];
        if (entry === undefined) return;
        yield entry;
        next = entry.position + 1;
      }
    },
  };
}
