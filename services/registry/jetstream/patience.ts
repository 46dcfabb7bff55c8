import { setTimeout as sleep } from "node:timers/promises";
import { isTransient } from "../../common/errors.ts";

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;

/** How often something is tried again: as long as it gets on, and for a while after it last did. */
export interface Patience {
  /** It got on. */
  progress(): void;
  /**
   * Waits before another try, longer each time without progress.
   * @throws the error itself when it will not pass, or there was no progress for too long
   */
  wait(error: unknown): Promise<void>;
}

/**
 * @param limitMs milliseconds without progress
 * @param signal ends it early
 */
export function createPatience(limitMs: number, signal?: AbortSignal): Patience {
  let last = performance.now();
  let next = FIRST_WAIT_MS;
  return {
    progress() {
      last = performance.now();
      next = FIRST_WAIT_MS;
    },
    async wait(error) {
      if (!isTransient(error) || signal?.aborted || performance.now() - last + next > limitMs) throw error;
      await sleep(next * (0.5 + Math.random() / 2), undefined, signal && { signal }).catch(() => {});
      next = Math.min(LONGEST_WAIT_MS, next * 2);
    },
  };
}

/** Tries until it works, within its patience. */
export async function patiently<T>(patience: Patience, action: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await action();
    } catch (error) {
      await patience.wait(error);
    }
  }
}
