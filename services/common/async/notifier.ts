import type { Clock } from "../clock/clock.ts";

/**
 * Wakes whoever waits for something to change. A waiter notes `count` before it looks, and then waits for it to pass
 * that number: what rings between the look and the wait is not missed.
 */
export interface Notifier {
  readonly count: number;
  ring(): void;
  /** Returns when the bell has rung past `seen`, after the time limit, or when the signal aborts: whatever is first. */
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
    ring() {
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
