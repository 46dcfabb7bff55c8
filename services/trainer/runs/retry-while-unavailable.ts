import { retry } from "../../common/async/retry.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError, isTransient, UncoupleError } from "../../common/errors.ts";
import type { Logger } from "../../runtime/logs.ts";

export interface OutageSettings {
  /** How long to retry before giving up. */
  readonly seconds: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with what is unavailable before each delay, and with null when the work is done or given up. */
  onWait?(what: string | null): void;
}

const DELAYS = { firstDelayMs: 250, longestDelayMs: 5_000, jitter: 0 };

/**
 * Retries work while a server it needs is unavailable, with delays that grow to 5 s.
 *
 * @param what names the work in messages: `publishing the snapshot`
 * @throws UncoupleError `unavailable` when the time limit is exceeded; `cancelled` when the signal aborts
 */
export async function retryWhileUnavailable<T>(
  what: string,
  settings: OutageSettings,
  work: () => Promise<T>,
): Promise<T> {
  const { seconds, signal, clock, log, onWait } = settings;
  let waited = false;
  const onRetry = (error: UncoupleError) => {
    log.warn({ error }, `${what}: ${error.message}; trying again`);
    waited = true;
    onWait?.(error.message);
  };
  signal.throwIfAborted();
  try {
    return await retry({ ...DELAYS, clock, limitMs: seconds * 1000, signal, onRetry }, work);
  } catch (thrown) {
    const error = asUncoupleError(thrown);
    if (!isTransient(error)) throw error;
    signal.throwIfAborted();
    const message = `gave up ${what} after ${seconds} s (option unavailableSeconds): ${error.message}`;
    throw new UncoupleError("unavailable", message, { cause: error });
  } finally {
    if (waited) onWait?.(null);
  }
}
