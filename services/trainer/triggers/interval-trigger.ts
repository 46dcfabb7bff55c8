import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import { hasEnded } from "../../pipeline/run.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { Logger } from "../../runtime/logs.ts";
import type { RunQueue } from "../runs/run-queue.ts";

export interface IntervalTriggerDeps {
  readonly team: TeamConfig;
  readonly queue: RunQueue;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Queues a run at a fixed interval until the signal aborts. The first is queued immediately; after a restart, the
 * interval continues from the last run. Skips an interval while the previous run is unfinished.
 */
export async function triggerAtIntervals(
  seconds: number,
  { team, queue, clock, log }: IntervalTriggerDeps,
  signal: AbortSignal,
): Promise<void> {
  const newest = () => queue.runs().find(({ run }) => run.trigger === "interval");
  const last = newest();
  const sinceLast = last === undefined ? Number.POSITIVE_INFINITY : clock.now() - Date.parse(last.run.queuedAt);
  // A clock that was set back must not delay the next run by more than the interval.
  let wait = Math.min(seconds * 1000, Math.max(0, seconds * 1000 - sinceLast));
  for (;;) {
    await clock.sleep(wait, signal).catch(() => {});
    if (signal.aborted) return;
    wait = seconds * 1000;
    const before = newest();
    if (before !== undefined && !hasEnded(before.run)) {
      log.warn(
        { run: before.run.id },
        `run ${before.run.id} is taking longer than the interval of ${seconds} s; skipping this interval`,
      );
      continue;
    }
    try {
      await queue.submit({ trigger: "interval", team });
    } catch (thrown) {
      if (signal.aborted) return;
      const error = asUncoupleError(thrown);
      log.warn({ error }, `cannot queue the run for this interval: ${error.message}`);
    }
  }
}
