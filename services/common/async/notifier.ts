import type { Clock } from "../clock/clock.ts";

/**
 * Wakes waiters when something changes. To miss no change, read `count`, check the state, and then wait beyond that
 * count: a notification between the check and the wait returns at once.
 */
export interface Notifier {
  readonly count: number;
  notify(): void;
  /** Resolves when `count` exceeds `seen`, the time limit expires, or the signal aborts, whichever comes first. */
  waitBeyond(seen: number, signal: AbortSignal, limit?: TimeLimit): Promise<void>;
}

export interface TimeLimit {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly ms: number;
}

export function createNotifier(): Notifier {
  let count = 0;
  const waiting = new Set<() => void>();
  return {
    get count() {
      return count;
    },
    notify() {
      count++;
      for (const wake of waiting) wake();
    },
    waitBeyond(seen, signal, limit) {
      if (count > seen || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          waiting.delete(wake);
          signal.removeEventListener("abort", wake);
          timer?.cancel();
          resolve();
        };
        const timer = limit?.clock.after(limit.ms, wake);
        waiting.add(wake);
        signal.addEventListener("abort", wake, { once: true });
      });
    },
  };
}

/** Waits until either notifier's count exceeds what was seen of it, the time limit expires, or the signal aborts. */
export async function waitForEither(
  [a, seenA]: readonly [Notifier, number],
  [b, seenB]: readonly [Notifier, number],
  signal: AbortSignal,
  limit?: TimeLimit,
): Promise<void> {
  const done = new AbortController();
  const end = AbortSignal.any([signal, done.signal]);
  await Promise.race([a.waitBeyond(seenA, end, limit), b.waitBeyond(seenB, end, limit)]);
  done.abort();
}
