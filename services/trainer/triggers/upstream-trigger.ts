import { createNotifier, type TimeLimit, waitForEither } from "../../common/async/notifier.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import type { PipelineView } from "../../composition/pipeline-view.ts";
import { type ResolveDeps, resolveSnapshots, sameSnapshots } from "../../composition/resolve-snapshots.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { hasEnded } from "../../pipeline/run.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { Registry } from "../../registry/registry.ts";
import type { Logger } from "../../runtime/logs.ts";
import type { RunQueue } from "../runs/run-queue.ts";
import type { RunStore } from "../runs/run-store.ts";
import type { AnnouncementMark } from "../runs/stored-run.ts";

export interface UpstreamTriggerDeps {
  readonly pipeline: Pipeline;
  readonly team: TeamConfig;
  readonly backplane: ResolveDeps["backplane"] & { readonly registry: Pick<Registry, "end" | "manifest"> };
  /** Must be followed. */
  readonly view: Pick<PipelineView, "history" | "catchUp" | "release">;
  readonly queue: RunQueue;
  readonly store: RunStore;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Queues a run when the upstream snapshots in use change: a release moves them, or, before the first release, an upstream
 * publishes and its snapshot is judged, or its champion moves. One run covers all changes that arrive before it pins its
 * snapshots. No run is queued if the newest own snapshot was trained on exactly what a run would pin now. The last handled moment is stored, so that a restart neither misses nor
 * repeats a change.
 */
export interface UpstreamTrigger {
  /** Called when what is in use of a direct upstream may have changed, with ever later moments. */
  changed(mark: AnnouncementMark): void;
  /** Queues runs until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Delay before a retry after a failure. */
const RETRY_DELAY_MS = 1_000;

export function createUpstreamTrigger(deps: UpstreamTriggerDeps): UpstreamTrigger {
  const { pipeline, team, backplane, view, queue, store, clock, log } = deps;
  const { registry } = backplane;
  const { component } = team;
  const arrived = createNotifier();
  let newest: AnnouncementMark | undefined;

  /** @returns whether all changes up to this moment are handled */
  async function settle(mark: AnnouncementMark, signal: AbortSignal): Promise<boolean> {
    const runs = queue.runs();
    // A run was queued for it before a restart, but the position was not stored.
    if (runs.some(({ announcement }) => includes(announcement ?? undefined, mark))) return true;
    const open = runs.filter(({ run }) => !hasEnded(run));
    if (open.some(({ run, pins }) => run.trigger === "upstream" && pins === null)) return true;
    const pinned = await resolveSnapshots({ backplane, view }, pipeline, component, signal).catch((thrown: unknown) => {
      const error = asUncoupleError(thrown);
      if (error.code !== "failed-precondition") throw error;
      log.info({ position: mark.position }, `not queuing a run for an upstream snapshot: ${error.message}`);
      return undefined;
    });
    // Another ancestor has no usable snapshot yet; its announcement is still to come.
    if (pinned === undefined) return true;
    if ("upstream" in pinned) {
      const { upstream } = pinned;
      if (await isTrainedOn(upstream)) return true;
      // A run is already training on exactly these snapshots, but may still fail.
      if (open.some(({ pins }) => pins !== null && sameSnapshots(pins.upstream, upstream))) return false;
    }
    if (queue.queued() >= queue.capacity) return false;
    await queue.submit({ trigger: "upstream", team, announcement: mark });
    return true;
  }

  /**
   * Whether the newest own snapshot was trained on these. Those that answer a gate's request do not count against it: they were
   * trained on a candidate, and what is in use has not changed by them.
   */
  async function isTrainedOn(upstream: Composition): Promise<boolean> {
    let own = await registry.latest(component);
    while (own !== undefined) {
      const { provenance, parent } = own;
      if (sameSnapshots(provenance.upstream ?? {}, upstream)) return true;
      const isAnswer = provenance.candidateRun !== undefined && parent !== null;
      own = isAnswer ? await registry.manifest(component, parent) : undefined;
    }
    return false;
  }

  return {
    changed(mark) {
      newest = mark;
      arrived.notify();
    },
    async run(signal) {
      let seen = await store.announcementSeen();
      let isChecked = false;
      while (!signal.aborted) {
        const before = { arrived: arrived.count, changed: queue.changed.count };
        const mark = newest;
        let retryAfter: TimeLimit | undefined;
        if (mark !== undefined && !(isChecked && includes(seen, mark))) {
          try {
            if (!isChecked) {
              // The store was restored from a backup that ends before: these positions will have other announcements.
              await view.catchUp(signal);
              const released = view.release()?.number ?? 0;
              if (seen && (seen.position > (await registry.end()) || (seen.release ?? 0) > released)) seen = undefined;
              isChecked = true;
              continue;
            }
            if (await settle(mark, signal)) {
              await store.saveAnnouncementSeen(mark);
              seen = mark;
              continue;
            }
          } catch (thrown) {
            if (signal.aborted) return;
            const error = asUncoupleError(thrown);
            log.warn({ error }, `cannot queue a run for an upstream snapshot: ${error.message}; trying again`);
            retryAfter = { clock, ms: RETRY_DELAY_MS };
          }
        }
        await waitForEither([arrived, before.arrived], [queue.changed, before.changed], signal, retryAfter);
      }
    },
  };
}

/** Whether `mark` is no later than `upTo`. */
function includes(upTo: AnnouncementMark | undefined, mark: AnnouncementMark): boolean {
  if (upTo?.store !== mark.store) return false;
  const atLeast = (a = 0, b = 0) => a >= b;
  // From the first release on, only releases change what is in use.
  if (mark.release !== undefined) return atLeast(upTo.release, mark.release);
  return upTo.position >= mark.position && atLeast(upTo.verdict, mark.verdict) && atLeast(upTo.alias, mark.alias);
}
