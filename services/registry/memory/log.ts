import { createNotifier, type Notifier } from "../../common/async/notifier.ts";
import type { Logged } from "../../pipeline/verdict.ts";

/** A log in memory. Entries are appended at positions 1, 2, 3 ..., and can be removed. */
export interface MemoryLog<T> {
  readonly bell: Notifier;
  /** Returns the entry at a position, if it has not been removed. */
  at(position: number): T | undefined;
  /** The position of the newest entry, 0 for none. */
  end(): number;
  values(): readonly T[];
  /** Appends a frozen copy. @returns its position */
  append(value: T): number;
  remove(position: number): void;
  /** Yields the entries from a position on that the log has now. */
  read(from: number): AsyncGenerator<Logged<T>, void, undefined>;
  watch(from: number, signal: AbortSignal): AsyncGenerator<Logged<T>, void, undefined>;
}

export function createMemoryLog<T>(closed: AbortSignal): MemoryLog<T> {
  const entries: (T | undefined)[] = [];
  const bell = createNotifier();
  return {
    bell,
    at: (position) => entries[position - 1],
    end: () => entries.length,
    values: () => entries.filter((entry) => entry !== undefined),
    append(value) {
      entries.push(frozen(value));
      bell.notify();
      return entries.length;
    },
    remove(position) {
      entries[position - 1] = undefined;
    },
    async *read(from) {
      const end = entries.length;
      for (let position = Math.max(1, from); position <= end; position++) {
        const value = entries[position - 1];
        if (value !== undefined) yield { position, value };
      }
    },
    async *watch(from, signal) {
      const end = AbortSignal.any([signal, closed]);
      let next = Math.max(1, from);
      while (!end.aborted) {
        const seen = bell.count;
        if (next > entries.length) {
          await bell.waitBeyond(seen, end);
          continue;
        }
        const value = entries[next - 1];
        const position = next++;
        if (value !== undefined) yield { position, value };
      }
    },
  };
}

/** Values that `frozen` made. */
const made = new WeakSet<object>();

/** Returns a deeply frozen copy, or the value itself if it is one already: log entries are immutable. */
export function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && made.has(value)) return value;
  const freeze = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    Object.freeze(part);
    for (const inner of Object.values(part)) freeze(inner);
  };
  const copy = structuredClone(value);
  freeze(copy);
  if (typeof copy === "object" && copy !== null) made.add(copy);
  return copy;
}
