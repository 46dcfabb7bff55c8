import { restartForever } from "../common/async/restart-forever.ts";
import type { Clock } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";

export interface FollowedLogDeps<E> {
  /** Names the entries in messages: `announcements`. */
  readonly what: string;
  readonly clock: Clock;
  watch(from: number, signal: AbortSignal): AsyncIterable<E>;
  /** Called once for each entry, in order. */
  note(entry: E): void;
  /** Called when the watch has failed and is about to restart. */
  onError(what: string, error: UncoupleError): void;
}

/** A log whose entries this process sees as they are appended. */
export interface FollowedLog {
  /**
   * Resolves when every entry up to a position has been seen.
   * @throws UncoupleError `deadline-exceeded`; `cancelled`
   */
  reaches(position: number, signal: AbortSignal): Promise<void>;
  /** Follows the log until the signal aborts. A failed watch restarts where it stopped. */
  follow(signal: AbortSignal): Promise<void>;
}

/** How long entries that the log has may take to appear here, while none does. */
const REACH_TIMEOUT_SECONDS = 30;

export function createFollowedLog<E extends { readonly position: number }>(deps: FollowedLogDeps<E>): FollowedLog {
  const { what, clock } = deps;
  const waiting = new Set<{ readonly position: number; readonly wake: () => void }>();
  let seen = 0;
  /** Waits until the position is seen, the time has passed, or the signal aborts. */
  const waitFor = (position: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        waiting.delete(waiter);
        signal.removeEventListener("abort", wake);
        timer.cancel();
        resolve();
      };
      const waiter = { position, wake };
      const timer = clock.after(REACH_TIMEOUT_SECONDS * 1000, wake, { keepsAlive: false });
      waiting.add(waiter);
      signal.addEventListener("abort", wake, { once: true });
      if (signal.aborted) wake();
    });
  return {
    async reaches(position, signal) {
      while (position > seen) {
        const before = seen;
        await waitFor(position, signal);
        if (position <= seen) return;
        if (signal.aborted) throw new UncoupleError("cancelled", `stopped waiting for ${what}`);
        if (seen > before) continue;
        throw new UncoupleError(
          "deadline-exceeded",
          `the registry has ${what} up to ${position}, but its watch showed none after ${before} for ${REACH_TIMEOUT_SECONDS} s`,
        );
      }
    },
    async follow(signal) {
      const onError = (error: UncoupleError) => deps.onError(`watching ${what}`, error);
      await restartForever({ clock, signal, onError }, async () => {
        for await (const entry of deps.watch(seen + 1, signal)) {
          if (entry.position <= seen) continue;
          seen = entry.position;
          deps.note(entry);
          for (const waiter of waiting) if (waiter.position <= seen) waiter.wake();
        }
      });
    },
  };
}
