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
 * Queues a run every so many seconds until the signal aborts, the first at once where there was none before; a restart
 * does not begin the interval anew. While a run of this kind has not ended no other is queued.
 */
export async function triggerAtIntervals(
  seconds: number,
  { team, queue, clock, log }: IntervalTriggerDeps,
  signal: AbortSignal,
): Promise<void> {
  const mine = () => queue.runs().find(({ run }) => run.trigger === "interval");
  const last = mine();
  const sinceLast = last === undefined ? Number.POSITIVE_INFINITY : clock.now() - Date.parse(last.run.queuedAt);
  // A clock that was set back must not put the next run off for longer than the interval.
  let wait = Math.min(seconds * 1000, Math.max(0, seconds * 1000 - sinceLast));
  for (;;) {
    await clock.sleep(wait, signal).catch(() => {});
    if (signal.aborted) return;
    wait = seconds * 1000;
    const before = mine();
    if (before !== undefined && !hasEnded(before.run)) {
      log.warn({ run: before.run.id }, `run ${before.run.id} takes longer than the interval of ${seconds} s`);
      continue;
    }
    try {
      await queue.submit({ trigger: "interval", team });
    } catch (thrown) {
      if (signal.aborted) return;
      const error = asUncoupleError(thrown);
      log.warn({ error }, `no run at this interval: ${error.message}`);
    }
  }
}
