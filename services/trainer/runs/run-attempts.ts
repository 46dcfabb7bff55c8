import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import type { Logger } from "../../runtime/logs.ts";
import type { RunJob } from "./run-queue.ts";

/** Deaths of the trainer during a run, without a new checkpoint in between, after which the run fails. */
export const MAX_ATTEMPTS = 3;

/**
 * Fails a run that kills its trainer, so that it does not block the runs behind it.
 * @throws UncoupleError `failed-precondition` if the trainer has died during this run three times in a row
 */
export function refusePoison(job: RunJob): void {
  const { attempts = 0, run } = job.stored();
  if (attempts < MAX_ATTEMPTS) return;
  const at = run.step === 0 ? "" : ` after step ${run.step}`;
  throw new UncoupleError(
    "failed-precondition",
    `the trainer died ${attempts} times during this run${at}, each time before a new checkpoint; see its log and its memory limit, then start another run`,
  );
}

/**
 * Performs an attempt at a run, counted on disk before it starts. It remains counted only if the process dies in it: an
 * attempt that throws, or that a deliberate stop interrupts, is taken off again, and a checkpoint clears the count
 * (`clearAttempts`).
 */
export async function countAttempt<T>(job: RunJob, log: Logger, attempt: () => Promise<T>): Promise<T> {
  const { run, attempts: before = 0 } = job.stored();
  if (before > 0) {
    const times = before === 1 ? "once" : `${before} times`;
    log.warn(
      { run: run.id },
      `the trainer died ${times} during run ${run.id}; attempt ${before + 1} of ${MAX_ATTEMPTS}`,
    );
  }
  await job.record({ attempts: before + 1 });
  let uncounted: Promise<void> | undefined;
  const uncount = async () => {
    if (job.stored().attempts !== before + 1) return;
    await job.record({ attempts: before }).catch((thrown: unknown) => {
      const error = asUncoupleError(thrown);
      log.error({ run: run.id, error }, `cannot write that run ${run.id} was stopped: ${error.message}`);
    });
  };
  // At once, because a stop may be forced before the attempt responds.
  const onStop = () => {
    uncounted = uncount();
  };
  job.stopping.addEventListener("abort", onStop);
  try {
    return await attempt();
  } catch (thrown) {
    await (uncounted ?? uncount());
    throw thrown;
  } finally {
    job.stopping.removeEventListener("abort", onStop);
  }
}

/** Called when a new checkpoint is on disk: the run makes progress, so earlier deaths do not count against it. */
export async function clearAttempts(job: RunJob): Promise<void> {
  if ((job.stored().attempts ?? 0) > 0) await job.record({ attempts: 0 });
}
