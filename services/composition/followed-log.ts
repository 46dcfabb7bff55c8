import { restartForever } from "../common/async/restart-forever.ts";
import { timeoutSignal } from "../common/async/timeout-signal.ts";
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
  /** @returns whether the position was seen, or anything at all in the time */
  const waitFor = (position: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        waiting.delete(waiter);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const waiter = { position, wake };
      waiting.add(waiter);
      signal.addEventListener("abort", wake, { once: true });
      if (signal.aborted) wake();
    });
  return {
    async reaches(position, signal) {
      while (position > seen) {
        const before = seen;
        const late = new UncoupleError(
          "deadline-exceeded",
          `the registry has ${what} up to ${position}, but its watch showed none after ${before} for ${REACH_TIMEOUT_SECONDS} s`,
        );
        const timeout = timeoutSignal(clock, REACH_TIMEOUT_SECONDS * 1000, late, signal);
        await waitFor(position, timeout.signal);
        timeout.dispose();
        if (position <= seen) return;
        if (signal.aborted) throw new UncoupleError("cancelled", `stopped waiting for ${what}`);
        if (seen === before) throw late;
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
