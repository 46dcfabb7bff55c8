import { createNotifier, type Notifier } from "../../common/async/notifier.ts";
import type { Logged } from "../../pipeline/verdict.ts";

/** An append-only log in memory. Positions are 1, 2, 3 ... */
export interface MemoryLog<T> {
  readonly bell: Notifier;
  readonly values: readonly T[];
  append(value: T): number;
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

/** Returns a deeply frozen copy: log entries are immutable. */
export function frozen<T>(value: T): T {
  const freeze = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    Object.freeze(part);
    for (const inner of Object.values(part)) freeze(inner);
  };
  const copy = structuredClone(value);
  freeze(copy);
  return copy;
}
