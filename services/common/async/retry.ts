import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../../runtime/logs.ts";
import { asUncoupleError, isTransient, UncoupleError } from "../errors.ts";

export interface PatienceSettings {
  /** How long a server may be away before the work is given up. */
  readonly seconds: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 5_000;

/**
 * Does something again while a server that it needs is away, after delays that grow to 5 s.
 *
 * @param what for people: `publishing the snapshot`
 * @throws UncoupleError `unavailable` when the time is over, naming it; `cancelled` when the signal aborts
 */
export async function patiently<T>(what: string, settings: PatienceSettings, work: () => Promise<T>): Promise<T> {
  const { seconds, signal, log } = settings;
  const began = performance.now();
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(LONGEST_DELAY_MS, delay * 2)) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (thrown) {
      const error = asUncoupleError(thrown);
      if (!isTransient(error)) throw error;
      if (performance.now() - began > seconds * 1000) {
        const message = `${what} was given up after ${seconds} s (option unavailableSeconds): ${error.message}`;
        throw new UncoupleError("unavailable", message, { cause: error });
      }
      log.warn({ error }, `${what}: ${error.message}; trying again`);
      await sleep(delay, undefined, { signal }).catch(() => {});
    }
  }
}
