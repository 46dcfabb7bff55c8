import { retry } from "../../common/async/retry.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError, isTransient, UncoupleError } from "../../common/errors.ts";
import type { Logger } from "../../runtime/logs.ts";

export interface OutageSettings {
  /** How long a server may be away before the work is given up. */
  readonly seconds: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
}

const DELAYS = { firstDelayMs: 250, longestDelayMs: 5_000, jitter: 0 };

/**
 * Retries work while a server that it needs is away, after delays that grow to 5 s.
 *
 * @param what for people: `publishing the snapshot`
 * @throws UncoupleError `unavailable` when the time is over, naming it; `cancelled` when the signal aborts
 */
export async function retryWhileUnavailable<T>(
  what: string,
  settings: OutageSettings,
  work: () => Promise<T>,
): Promise<T> {
  const { seconds, signal, clock, log } = settings;
  const onRetry = (error: UncoupleError) => log.warn({ error }, `${what}: ${error.message}; trying again`);
  signal.throwIfAborted();
  try {
    return await retry({ ...DELAYS, clock, limitMs: seconds * 1000, signal, onRetry }, work);
  } catch (thrown) {
    const error = asUncoupleError(thrown);
    if (!isTransient(error)) throw error;
    signal.throwIfAborted();
    const message = `${what} was given up after ${seconds} s (option unavailableSeconds): ${error.message}`;
    throw new UncoupleError("unavailable", message, { cause: error });
  }
}
