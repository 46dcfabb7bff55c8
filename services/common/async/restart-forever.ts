import type { Clock } from "../clock/clock.ts";
import { asUncoupleError, type UncoupleError } from "../errors.ts";

const AGAIN_AFTER_MS = 1_000;

export interface RestartSettings {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called for every failure. */
  onTrouble(error: UncoupleError): void;
}

/** Runs something that should go on until the signal aborts, and begins it again a second after it ended or failed. */
export async function restartForever(settings: RestartSettings, body: () => Promise<void>): Promise<void> {
  const { clock, signal } = settings;
  while (!signal.aborted) {
    try {
      await body();
    } catch (thrown) {
      if (signal.aborted) return;
      settings.onTrouble(asUncoupleError(thrown));
    }
    await clock.sleep(AGAIN_AFTER_MS, signal).catch(() => {});
  }
}
