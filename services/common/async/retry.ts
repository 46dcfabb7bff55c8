import type { Clock } from "../clock/clock.ts";
import { asUncoupleError, isTransient, type UncoupleError } from "../errors.ts";

/** Exponential backoff: the delay doubles with every attempt. */
export interface Backoff {
  /** Milliseconds. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
}

/** Milliseconds to wait after a failed attempt. @param attempt 1 for the first */
export function backoffMs({ firstDelayMs, longestDelayMs }: Backoff, attempt: number): number {
  return Math.min(longestDelayMs, firstDelayMs * 2 ** (attempt - 1));
}

export interface RetryPolicy extends Backoff {
  readonly clock: Clock;
  /** The longest time after the last progress at which a retry may start, in milliseconds. */
  readonly limitMs: number;
  /** The share of every delay that is random, 0 to 1. */
  readonly jitter: number;
  /** Ends the retries when it aborts. */
  readonly signal?: AbortSignal;
  /** Called before the wait for each retry. */
  onRetry?(error: UncoupleError): void;
}

/** The retry state of one task, which may have several steps. */
export interface Retry {
  /**
   * Calls an action until it succeeds.
   * @throws as `wait`
   */
  run<T>(action: () => Promise<T>): Promise<T>;
  /** Records progress: resets the delays and the time limit. */
  progress(): void;
  /**
   * Waits before the next attempt, for callers with their own loop. The delay doubles until there is progress.
   * @throws the given error, if it is not transient, the limit is reached, or the signal aborts
   */
  wait(thrown: unknown): Promise<void>;
}

/** Creates the state of a retry. The time limit starts with this call. */
export function createRetry(policy: RetryPolicy): Retry {
  const { clock, limitMs, jitter, signal } = policy;
  let last = clock.elapsed();
  let attempt = 1;
  const retries: Retry = {
    async run(action) {
      for (;;) {
        try {
          return await action();
        } catch (thrown) {
          await retries.wait(thrown);
        }
      }
    },
    progress() {
      last = clock.elapsed();
      attempt = 1;
    },
    async wait(thrown) {
      const error = asUncoupleError(thrown);
      const delay = backoffMs(policy, attempt);
      if (!isTransient(error) || signal?.aborted || clock.elapsed() - last + delay > limitMs) throw thrown;
      attempt += 1;
      policy.onRetry?.(error);
      await clock.sleep(delay * (1 - jitter * Math.random()), signal).catch(() => {});
      if (signal?.aborted) throw thrown;
    },
  };
  return retries;
}

/**
 * Calls an action until it succeeds.
 * @throws as `Retry.wait`
 */
export function retry<T>(policy: RetryPolicy, action: () => Promise<T>): Promise<T> {
  return createRetry(policy).run(action);
}
