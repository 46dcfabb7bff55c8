import { setTimeout as sleep } from "node:timers/promises";
import { asUncoupleError, type UncoupleError } from "../errors.ts";

const AGAIN_AFTER_MS = 1_000;

/**
 * Runs something that should go on until the signal aborts, and begins it again a second after it ended or failed.
 *
 * @param onTrouble told of every failure
 */
export async function restartForever(
  body: () => Promise<void>,
  signal: AbortSignal,
  onTrouble: (error: UncoupleError) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await body();
    } catch (thrown) {
      if (signal.aborted) return;
      onTrouble(asUncoupleError(thrown));
    }
    await sleep(AGAIN_AFTER_MS, undefined, { signal }).catch(() => {});
  }
}
