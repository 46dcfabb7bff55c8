/**
 * Wakes whoever waits for something to change. A waiter notes `count` before it looks, and then waits for it to pass
 * that number: what rings between the look and the wait is not missed.
 */
export interface Notifier {
  readonly count: number;
  ring(): void;
  /** Returns when the bell has rung past `seen`, after `ms` milliseconds, or when the signal aborts: whatever is first. */
  waitBeyond(seen: number, signal: AbortSignal, ms?: number): Promise<void>;
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
    waitBeyond(seen, signal, ms) {
      if (count > seen || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          waiting.delete(wake);
          signal.removeEventListener("abort", wake);
          clearTimeout(timer);
          resolve();
        };
        const timer = ms === undefined ? undefined : setTimeout(wake, ms);
        waiting.add(wake);
        signal.addEventListener("abort", wake, { once: true });
      });
    },
  };
}
