import { createNotifier } from "../../common/async/notifier.ts";
import { restartForever } from "../../common/async/restart-forever.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError, isTransient } from "../../common/errors.ts";
import type { PipelineGate } from "../../composition/pipeline-gate.ts";
import type { PipelineView } from "../../composition/pipeline-view.ts";
import { type SnapshotId, type SnapshotManifest, titleOf } from "../../pipeline/manifest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { originName } from "../../pipeline/shared.ts";
import { ownersOf, sharedComponents } from "../../pipeline/shared-components.ts";
import { QUARANTINE_REASONS, type QuarantineReason } from "../../pipeline/verdict.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { FailureReporter } from "../../runtime/failure-reporter.ts";
import type { Logger } from "../../runtime/logs.ts";
import { linkComponent } from "./link-component.ts";
import { createLinkedSnapshots } from "./linked.ts";
import { followOwner, type Owner } from "./owner.ts";
import { keepReferences } from "./references.ts";

/** Held by the evaluator that links, so that nobody releases a reference which another one is about to use. */
const LEASE = "link";
/** How long a reference may outlive its link, and the end of an obstacle that no watch tells of may go unnoticed. */
const INTERVAL_MS = 60_000;
/** After a failure that passes by itself. */
const RETRY_MS = 1_000;

export interface SharedLinksDeps {
  /** This evaluator's name. */
  readonly evaluator: string;
  readonly pipeline: Pipeline;
  readonly backplane: Pick<Backplane, "registry" | "neighbor" | "leases">;
  /** Must be followed, and its announcements noted. */
  readonly view: Pick<PipelineView, "history" | "catchUp">;
  readonly applied: Pick<PipelineGate, "digest" | "opens">;
  quarantine(snapshot: SnapshotId, reason: QuarantineReason, detail: string): Promise<void>;
  /** Called with whether a component has what its owner uses, after each pass; undefined when another evaluator is to say. */
  onPass(component: string, isNewest: boolean | undefined): void;
  readonly reportFailure: FailureReporter;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Makes what other pipelines release of shared components snapshots of this pipeline. */
export interface SharedLinks {
  /** Called for each announcement, in order. */
  noteAnnouncement(manifest: SnapshotManifest): void;
  /** Links until the signal aborts. One evaluator at a time does. */
  run(signal: AbortSignal): Promise<void>;
}

export function createSharedLinks(deps: SharedLinksDeps): SharedLinks {
  const { pipeline, backplane, view, applied, onPass, reportFailure, clock, log } = deps;
  const changed = createNotifier();
  const linked = createLinkedSnapshots(view.history);
  const shared = sharedComponents(pipeline);
  const owners = () => [...new Set([...ownersOf(pipeline), ...linked.owners()])];
  /** Component to why it gets no newer snapshot, as it was logged last. */
  const obstacles = new Map<string, string>();

  const noteObstacle = (component: string, why: string | undefined) => {
    onPass(component, why === undefined);
    if (obstacles.get(component) === why) return;
    if (why === undefined) {
      obstacles.delete(component);
      return;
    }
    obstacles.set(component, why);
    log.warn({ component, reason: why }, `${component} gets no newer snapshot: ${why}`);
  };

  async function quarantineAsOwners(owner: Owner): Promise<void> {
    for (const one of linked.stored(owner.name)) {
      const theirs = owner.quarantine(one.origin);
      if (theirs === undefined || view.history.isQuarantined(one)) continue;
      const reason = QUARANTINE_REASONS.find((known) => known === theirs.reason) ?? "evaluation-failed";
      const detail = `pipeline ${owner.name} quarantined ${originName(one.origin)}: ${theirs.detail}`;
      await deps.quarantine(one, reason, detail);
    }
  }

  async function updateFrom(owner: Owner, signal: AbortSignal): Promise<void> {
    await view.catchUp(signal);
    for (const component of shared.filter(({ from }) => from.pipeline === owner.name)) {
      signal.throwIfAborted();
      const outcome = await linkComponent({ ...deps, pipelineDigest: applied.digest }, component, owner);
      noteObstacle(component.name, "linked" in outcome ? undefined : outcome.unchanged);
      if (!("linked" in outcome)) continue;
      linked.note(outcome.linked);
      const { origin } = outcome.linked.provenance;
      log.info({ component: component.name, origin }, `linked ${titleOf(outcome.linked, origin)}`);
    }
    await quarantineAsOwners(owner);
    signal.throwIfAborted();
    await keepReferences(pipeline.name, owner, linked.stored(owner.name), log);
  }

  /** @returns whether it is to be tried again at once */
  async function tryUpdateFrom(name: string, follow: () => Promise<Owner>, signal: AbortSignal): Promise<boolean> {
    try {
      await updateFrom(await follow(), signal);
      return false;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asUncoupleError(thrown);
      // Another process has linked meanwhile, or the connection is away, which other metrics tell.
      const passes = error.code === "conflict" || isTransient(error);
      if (error.code !== "not-found") reportFailure(`linking snapshots of pipeline ${name}`, error);
      for (const { name: component, from } of passes ? [] : shared) {
        if (from.pipeline === name) noteObstacle(component, error.message);
      }
      return passes;
    }
  }

  async function link(signal: AbortSignal): Promise<void> {
    const followed = new Map<string, Owner>();
    const onError = (what: string, error: Parameters<FailureReporter>[1]) => reportFailure(what, error);
    for (;;) {
      const seen = changed.count;
      await applied.opens(signal);
      let ms = INTERVAL_MS;
      for (const name of owners()) {
        signal.throwIfAborted();
        const follow = async () => {
          const owner =
            followed.get(name) ??
            followOwner(name, await backplane.neighbor(name), changed, { clock, onError }, signal);
          followed.set(name, owner);
          return owner;
        };
        if (await tryUpdateFrom(name, follow, signal)) ms = RETRY_MS;
      }
      await changed.waitBeyond(seen, signal, { clock, ms });
      signal.throwIfAborted();
    }
  }

  return {
    noteAnnouncement(manifest) {
      linked.note(manifest);
      if (manifest.provenance.origin !== undefined) changed.notify();
    },
    run: (signal) =>
      restartForever(
        { clock, signal, onError: (error) => reportFailure("linking snapshots of other pipelines", error) },
        async () => {
          while (owners().length === 0) {
            const seen = changed.count;
            if (owners().length === 0) await changed.waitBeyond(seen, signal);
            signal.throwIfAborted();
          }
          const lease = await backplane.leases.acquire(LEASE, deps.evaluator, signal);
          // What follows the owners ends with the loop.
          const ended = new AbortController();
          try {
            await link(AbortSignal.any([signal, lease.lost, ended.signal]));
          } finally {
            ended.abort();
            obstacles.clear();
            for (const { name } of shared) onPass(name, undefined);
            await lease.release();
          }
        },
      ),
  };
}
