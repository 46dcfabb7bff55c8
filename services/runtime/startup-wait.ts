import { createRetry } from "../common/async/retry.ts";
import type { Clock } from "../common/clock/clock.ts";
import type { Logger } from "./logs.ts";

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 5_000;

/** What a service that waits for a dependency does meanwhile. */
export interface StartupWait {
  /** Ends the wait when it aborts. */
  readonly signal: AbortSignal;
  /** Called with the reason of each failed attempt: the service is alive and not ready. */
  waiting(reason: string): void;
}

/**
 * Calls an action until it succeeds, so that services may start in any order.
 * @param limitSeconds how long it is tried again; 0 for ever
 * @throws UncoupleError the last failure after the limit; at once, a failure that is not transient
 */
export async function waitAtStartup<T>(
  {
    clock,
    log,
    limitSeconds,
  }: { readonly clock: Clock; readonly log: Pick<Logger, "warn">; readonly limitSeconds: number },
  { signal, waiting }: StartupWait,
  action: () => Promise<T>,
): Promise<T> {
  let isTold = false;
  const retries = createRetry({
    clock,
    limitMs: limitSeconds === 0 ? Number.POSITIVE_INFINITY : limitSeconds * 1000,
    firstDelayMs: FIRST_DELAY_MS,
    longestDelayMs: LONGEST_DELAY_MS,
    jitter: 0.5,
    signal,
    onRetry({ message }) {
      waiting(message);
      if (isTold) return;
      isTold = true;
      log.warn(`${message}; waiting ${limitSeconds === 0 ? "until it is there" : `up to ${limitSeconds} s`}`);
    },
  });
  return retries.run(action);
}
