import { createNotifier, type Notifier } from "../../common/async/notifier.ts";
import type { Logged } from "../../pipeline/verdict.ts";

/** An append-only log in memory. Positions are 1, 2, 3 ... */
export interface MemoryLog<T> {
  readonly bell: Notifier;
  readonly values: readonly T[];
  /** Appends a frozen copy. @returns its position */
  append(value: T): number;
  /** Yields the entries from a position on that the log has now. */
  read(from: number): AsyncGenerator<Logged<T>, void, undefined>;
  watch(from: number, signal: AbortSignal): AsyncGenerator<Logged<T>, void, undefined>;
}

export function createMemoryLog<T>(closed: AbortSignal): MemoryLog<T> {
  const values: T[] = [];
  const bell = createNotifier();
  return {
    bell,
    values,
    append(value) {
      values.push(frozen(value));
      bell.notify();
      return values.length;
    },
    async *read(from) {
      const end = values.length;
      for (let position = Math.max(1, from); position <= end; position++) {
        yield { position, value: values[position - 1] as T };
      }
    },
    async *watch(from, signal) {
      const end = AbortSignal.any([signal, closed]);
      let next = Math.max(1, from);
      while (!end.aborted) {
        const seen = bell.count;
        const value = values[next - 1];
        if (value === undefined) await bell.waitBeyond(seen, end);
        else yield { position: next++, value };
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
