import type { Clock } from "../../common/clock/clock.ts";
import { isTransient } from "../../common/errors.ts";
import { hasEnded, type Run } from "../../pipeline/run.ts";
import type { TrainerService } from "../../rpc/services/trainer-service.ts";

const RETRY_MS = 500;

/**
 * Waits for the end of a run, also across restarts of its trainer.
 * @param signal aborts the wait
 * @returns the run as it was last seen: not ended if the signal aborted
 * @throws UncoupleError `not-found` if the trainer has lost the run
 */
export async function runEnded(
  trainer: Pick<TrainerService, "watchRun">,
  run: Run,
  clock: Clock,
  signal: AbortSignal,
): Promise<Run> {
  let last = run;
  while (!hasEnded(last) && !signal.aborted) {
    try {
      for await (const now of trainer.watchRun(run.id, signal)) last = now;
    } catch (thrown) {
      if (!isTransient(thrown)) throw thrown;
      await clock.sleep(RETRY_MS, signal).catch(() => {});
    }
  }
  return last;
}
