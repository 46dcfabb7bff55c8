import { type Clock, secondsSince } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { type AskedSnapshotsDeps, checkAskedSnapshots } from "../../composition/asked-snapshots.ts";
import { isEnforced } from "../../composition/in-use.ts";
import type { PipelineView } from "../../composition/pipeline-view.ts";
import {
  type AwaitedSnapshots,
  awaitedText,
  type ResolveDeps,
  type ResolvedSnapshots,
  resolveSnapshots,
} from "../../composition/resolve-snapshots.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { DeletedError } from "../../pipeline/tombstone.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import { checkParent } from "../../registry/snapshot-index.ts";
import type { Logger } from "../../runtime/logs.ts";
import { type OutageSettings, retryWhileUnavailable } from "./retry-while-unavailable.ts";
import type { RunPins } from "./run-pins.ts";
import type { RunJob } from "./run-queue.ts";
import type { RunSlot } from "./run-slots.ts";

export interface PinSettings {
  readonly pipeline: Pipeline;
  readonly component: string;
  /** How long the registry may be unavailable before a run that needs it fails. */
  readonly unavailableSeconds: number;
  /** How long a run waits for a verdict on an upstream snapshot, or its release, before it fails. */
  readonly waitForVerdictSeconds: number;
}

export interface PinDeps {
  readonly backplane: ResolveDeps["backplane"] & AskedSnapshotsDeps["backplane"];
  readonly view: Pick<PipelineView, "history" | "catchUp" | "changed">;
  readonly pins: Pick<RunPins, "pin">;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Pins the snapshots that a run trains with: those that it was asked to train on, and for the rest what is in use. While an
 * ancestor has no verdict or no release yet, the run is `waiting`, without its slot.
 *
 * @throws UncoupleError as `AwaitSnapshots`; `conflict` if another snapshot of the component was published since the run
 *   pinned its snapshots; DeletedError if a resumed run was interrupted for so long that its pins ended, and one of its
 *   snapshots was deleted
 */
export type PinSnapshots = (
  job: RunJob,
  slot: Pick<RunSlot, "without">,
  signal: AbortSignal,
) => Promise<ResolvedSnapshots>;

export interface AwaitedRequest {
  /** Ancestor to serial: what to train on; the others are those in use. */
  readonly asked?: Composition | undefined;
  /** Pins what was found. @throws DeletedError if one of them was deleted since */
  hold(snapshots: ResolvedSnapshots): Promise<void>;
  /** Called with what is waited for, as a phrase. */
  onWaiting(awaited: string): Promise<void>;
  /** Surrounds a wait. */
  around(wait: () => Promise<void>): Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Finds and pins snapshots to train on, once every ancestor has one.
 * @throws UncoupleError as `checkAskedSnapshots`; `failed-precondition` if an ancestor has no usable snapshot, or no verdict
 *   or release came in time
 */
export type AwaitSnapshots = (request: AwaitedRequest) => Promise<ResolvedSnapshots>;

export function createAwaitSnapshots(settings: PinSettings, deps: Omit<PinDeps, "pins">): AwaitSnapshots {
  const { pipeline, component, waitForVerdictSeconds } = settings;
  const { backplane, view, clock, log } = deps;

  /** Both in one look, so that nothing is pinned that was quarantined since it was asked for. */
  async function resolve(asked: Composition | undefined, signal: AbortSignal) {
    if (asked !== undefined) await checkAskedSnapshots(asked, component, pipeline, deps, signal);
    return resolveSnapshots({ backplane, view }, pipeline, component, signal, asked);
  }

  return async ({ asked, hold, onWaiting, around, signal }) => {
    const outage = { seconds: settings.unavailableSeconds, signal, clock, log };
    const started = clock.elapsed();
    for (;;) {
      const seen = view.changed.count;
      const resolved = await retryWhileUnavailable("pinning upstream snapshots", outage, () => resolve(asked, signal));
      if ("upstream" in resolved) {
        try {
          await hold(resolved);
        } catch (thrown) {
          // Deleted between the look and the pin: look again.
          if (thrown instanceof DeletedError) continue;
          throw thrown;
        }
        return resolved;
      }
      const awaited = awaitedText(resolved);
      const left = waitForVerdictSeconds - secondsSince(clock, started);
      if (left <= 0) {
        throw new UncoupleError(
          "failed-precondition",
          `${component} waited ${waitForVerdictSeconds} s (--wait-for-verdict) for ${awaited}: ${adviceOn(resolved, pipeline)}`,
        );
      }
      await onWaiting(awaited);
      await around(() => view.changed.waitBeyond(seen, signal, { clock, ms: left * 1000 }));
      signal.throwIfAborted();
    }
  };
}

export function createPinSnapshots(settings: PinSettings, deps: PinDeps): PinSnapshots {
  const { component } = settings;
  const { backplane, pins, clock, log } = deps;
  const awaitSnapshots = createAwaitSnapshots(settings, deps);

  return async (job, slot, signal) => {
    const outage = { seconds: settings.unavailableSeconds, signal, clock, log };
    const known = job.stored().pins;
    if (known !== null) {
      const newest = await retryWhileUnavailable("looking for the newest snapshot", outage, () =>
        backplane.registry.latest(component),
      );
      checkParent(component, newest?.serial ?? null, known.parent);
      await hold(job, known, outage);
      return known;
    }
    const resolved = await awaitSnapshots({
      asked: job.stored().asked,
      hold: (snapshots) => hold(job, snapshots, outage),
      onWaiting: (awaited) => showWaiting(job, awaited),
      around: (wait) => slot.without(wait),
      signal,
    });
    await job.record({ pins: resolved }, { state: "running", waitingFor: null, upstream: resolved.upstream });
    return resolved;
  };

  function hold(job: RunJob, snapshots: ResolvedSnapshots, outage: OutageSettings): Promise<void> {
    const { id } = job.stored().run;
    return retryWhileUnavailable("pinning upstream snapshots", outage, () => pins.pin(id, snapshots));
  }

  async function showWaiting(job: RunJob, waitingFor: string): Promise<void> {
    const { id, state, waitingFor: before } = job.stored().run;
    if (state === "waiting" && before === waitingFor) return;
    log.info({ run: id }, `run ${id} waits for ${waitingFor}`);
    await job.record({}, { state: "waiting", waitingFor });
  }
}

function adviceOn({ unjudged, unreleased }: AwaitedSnapshots, pipeline: Pipeline): string {
  if (Object.keys(unjudged).length > 0 || !isEnforced(pipeline)) {
    return `no evaluator judges pipeline ${pipeline.name}; start one with uncouple evaluator`;
  }
  const [first, serial] = Object.entries(unreleased)[0] ?? [];
  return `the gate has released no snapshot of it; release one with \`uncouple promote ${first}@${serial}\`, or set \`bootstrap: newest\` in the pipeline file's gate`;
}
