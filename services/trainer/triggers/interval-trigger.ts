import { setTimeout as sleep } from "node:timers/promises";
import { asUncoupleError } from "../../common/errors.ts";
import { hasEnded } from "../../pipeline/run.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { Logger } from "../../runtime/logs.ts";
import type { RunQueue } from "../runs/run-queue.ts";

/** Node's timers hold less than 25 days. */
const LONGEST_SLEEP_MS = 24 * 3_600_000;

/**
 * Queues a run every so many seconds until the signal aborts, the first at once where there was none before; a restart
 * does not begin the interval anew. While a run of this kind has not ended no other is queued.
 */
export async function triggerAtIntervals(
  seconds: number,
  team: TeamConfig,
  queue: RunQueue,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const mine = () => queue.runs().find(({ run }) => run.trigger === "interval");
  const last = mine();
  const sinceLast = last === undefined ? Number.POSITIVE_INFINITY : Date.now() - Date.parse(last.run.queuedAt);
  // A clock that was set back must not put the next run off for longer than the interval.
  let wait = Math.min(seconds * 1000, Math.max(0, seconds * 1000 - sinceLast));
  for (;;) {
    await sleepLong(wait, signal);
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

async function sleepLong(ms: number, signal: AbortSignal): Promise<void> {
  for (let left = ms; left > 0 && !signal.aborted; left -= LONGEST_SLEEP_MS) {
    await sleep(Math.min(left, LONGEST_SLEEP_MS), undefined, { signal, ref: false }).catch(() => {});
  }
}
