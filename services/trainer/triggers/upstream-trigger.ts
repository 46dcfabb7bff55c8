import { createNotifier, type Notifier, type TimeLimit } from "../../common/async/notifier.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import { resolveSnapshots, sameSnapshots } from "../../composition/resolve-snapshots.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { hasEnded } from "../../pipeline/run.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { Logger } from "../../runtime/logs.ts";
import type { RunQueue } from "../runs/run-queue.ts";
import type { RunStore } from "../runs/run-store.ts";
import type { AnnouncementMark } from "../runs/stored-run.ts";

export interface UpstreamTriggerDeps {
  readonly pipeline: Pipeline;
  readonly team: TeamConfig;
  readonly backplane: Pick<Backplane, "registry" | "quarantines">;
  readonly queue: RunQueue;
  readonly store: RunStore;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Queues a run when an upstream has published: one for all announcements that arrive before it pins its snapshots, and
 * none when the newest own snapshot was trained on just what a run would pin now. What was dealt with is remembered, so
 * that a restart neither misses an announcement nor answers one twice.
 */
export interface UpstreamTrigger {
  /** Told of every announcement of a direct upstream, in their order. */
  announced(mark: AnnouncementMark): void;
  /** Works until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** How long a failure to look at the registry is waited out before another try. */
const AGAIN_AFTER_MS = 1_000;

export function createUpstreamTrigger(deps: UpstreamTriggerDeps): UpstreamTrigger {
  const { pipeline, team, backplane, queue, store, clock, log } = deps;
  const { component } = team;
  const arrived = createNotifier();
  let newest: AnnouncementMark | undefined;

  /** @returns whether nothing more is to be done for the announcements up to this one */
  async function settle(mark: AnnouncementMark): Promise<boolean> {
    const runs = queue.runs();
    // Queued for it by an earlier life, that ended before it could be remembered as dealt with.
    if (runs.some(({ announcement }) => includes(announcement ?? undefined, mark))) return true;
    const open = runs.filter(({ run }) => !hasEnded(run));
    if (open.some(({ run, pins }) => run.trigger === "upstream" && pins === null)) return true;
    const pinned = await resolveSnapshots(backplane, pipeline, component).catch((thrown: unknown) => {
      const error = asUncoupleError(thrown);
      if (error.code !== "failed-precondition") throw error;
      log.info({ position: mark.position }, `no run for the announcement: ${error.message}`);
      return undefined;
    });
    // Another ancestor has nothing yet; its announcement is still to come.
    if (pinned === undefined) return true;
    const last = await backplane.registry.latest(component);
    if (last !== undefined && sameSnapshots(last.upstream, pinned.upstream)) return true;
    // A run that trains on just that may still fail.
    if (open.some(({ pins }) => pins !== null && sameSnapshots(pins.upstream, pinned.upstream))) return false;
    if (queue.queued() >= queue.capacity) return false;
    await queue.submit({ trigger: "upstream", team, announcement: mark });
    return true;
  }

  return {
    announced(mark) {
      newest = mark;
      arrived.ring();
    },
    async run(signal) {
      let seen = await store.announcementSeen();
      while (!signal.aborted) {
        const before = { arrived: arrived.count, changed: queue.changed.count };
        const mark = newest;
        let again: TimeLimit | undefined;
        if (mark !== undefined && !includes(seen, mark)) {
          try {
            if (await settle(mark)) {
              await store.saveAnnouncementSeen(mark);
              seen = mark;
              continue;
            }
          } catch (thrown) {
            if (signal.aborted) return;
            const error = asUncoupleError(thrown);
            log.warn({ error }, `no run was queued for an upstream snapshot: ${error.message}; trying again`);
            again = { clock, ms: AGAIN_AFTER_MS };
          }
        }
        await either([arrived, before.arrived], [queue.changed, before.changed], signal, again);
      }
    },
  };
}

/** Whether the announcements up to one include another. */
function includes(upTo: AnnouncementMark | undefined, mark: AnnouncementMark): boolean {
  return upTo?.store === mark.store && upTo.position >= mark.position;
}

/** Waits for one bell or the other. */
async function either(
  [a, seenA]: readonly [Notifier, number],
  [b, seenB]: readonly [Notifier, number],
  signal: AbortSignal,
  limit: TimeLimit | undefined,
): Promise<void> {
  const over = new AbortController();
  const end = AbortSignal.any([signal, over.signal]);
  await Promise.race([a.waitBeyond(seenA, end, limit), b.waitBeyond(seenB, end, limit)]);
  over.abort();
}
