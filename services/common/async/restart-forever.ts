import type { Clock } from "../clock/clock.ts";
import { asUncoupleError, type UncoupleError } from "../errors.ts";

const RESTART_DELAY_MS = 1_000;

export interface RestartSettings {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called for every failure. */
  onError(error: UncoupleError): void;
}

/** Runs `body` until the signal aborts, and restarts it one second after it returns or fails. */
export async function restartForever(settings: RestartSettings, body: () => Promise<void>): Promise<void> {
  const { clock, signal } = settings;
  while (!signal.aborted) {
    try {
      await body();
    } catch (thrown) {
      if (signal.aborted) return;
      settings.onError(asUncoupleError(thrown));
    }
    await clock.sleep(RESTART_DELAY_MS, signal).catch(() => {});
  }
}
