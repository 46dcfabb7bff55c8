import { type Clock, timestamp } from "../../common/clock/clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import type { TrainingProgress } from "../../learning/training/training-progress.ts";
import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import { hasEnded } from "../../pipeline/run.ts";
import type { Registry } from "../../registry/registry.ts";
import type { Metric } from "../../tracking/mlflow-client.ts";
import type { RunLog, TrackedEnd, TrackedModel, TrackedRun } from "../../tracking/run-log.ts";
import type { TrackingQueue } from "../../tracking/tracking-queue.ts";
import type { StoredRun } from "../runs/stored-run.ts";
import type { TrainingTracking } from "../runs/train-run.ts";
import { endOf, parametersOf, tagsOf } from "./run-fields.ts";

/** Told of runs; never waits and never throws. */
export interface RunTracking extends TrainingTracking {
  ended(stored: StoredRun): void;
  /** Ends at the server what has ended here while the server, or the trainer, was away. */
  restored(runs: readonly StoredRun[]): void;
}

export interface RunTrackingDeps {
  readonly pipeline: string;
  readonly component: string;
  readonly codeVersion: string;
  readonly log: RunLog;
  readonly queue: Pick<TrackingQueue, "add">;
  readonly registry: Pick<Registry, "manifest" | "bytes">;
  readonly clock: Clock;
}

/** Points of a run's curves. */
const POINTS = 500;

/** The tracking of a trainer that is not asked to track. */
export const noRunTracking: RunTracking = { began() {}, progressed() {}, ended() {}, restored() {} };

export function createRunTracking(deps: RunTrackingDeps): RunTracking {
  const { component, log, queue, registry, clock } = deps;
  /** What has not been logged yet of the run in progress. */
  let points: Metric[] = [];
  let lastStep = -1;

  const trackedOf = ({ run, team, tuning }: StoredRun): TrackedRun => ({
    id: run.id,
    name: `${component} ${run.id}`,
    startedAt: Date.parse(run.startedAt ?? run.queuedAt),
    tags: tagsOf(deps, run, tuning),
    params: parametersOf(team),
  });

  function pointsOf(run: Pick<TrainingProgress, "step" | "loss" | "learningRate">): readonly Metric[] {
    const at = { timestamp: clock.now(), step: run.step };
    return [
      { key: "loss", value: run.loss, ...at },
      { key: "learning_rate", value: run.learningRate, ...at },
    ];
  }

  async function modelOf(manifest: SnapshotManifest, signal: AbortSignal): Promise<TrackedModel | undefined> {
    try {
      return { manifest, bytes: await registry.bytes(manifest, signal) };
    } catch (thrown) {
      if (asUncoupleError(thrown).code === "deleted") return undefined;
      throw thrown;
    }
  }

  function end(stored: StoredRun, metrics: readonly Metric[]): void {
    const { run } = stored;
    const { snapshot } = run;
    queue.add(`${component} ${run.id} end`, async (signal) => {
      const manifest = snapshot === null ? undefined : await registry.manifest(component, snapshot);
      const ended: TrackedEnd = {
        ...endOf(run, manifest),
        endedAt: Date.parse(run.finishedAt ?? timestamp(clock)),
        metrics,
        ...(manifest !== undefined && { model: (aborted) => modelOf(manifest, aborted) }),
      };
      await log.end(trackedOf(stored), ended, signal);
    });
  }

  return {
    began(stored) {
      points = [];
      lastStep = -1;
      queue.add(`${component} ${stored.run.id}`, async (signal) => {
        await log.begin(trackedOf(stored), signal);
      });
    },
    progressed(stored, progress) {
      const { step, steps } = progress;
      if (lastStep >= 0 && step < steps && step - lastStep < steps / POINTS) return;
      lastStep = step;
      points.push(...pointsOf(progress));
      const own = points;
      queue.add(`${component} ${stored.run.id} points`, async (signal) => {
        const sent = [...own];
        await log.log(trackedOf(stored), { metrics: sent }, signal);
        own.splice(0, sent.length);
      });
    },
    ended(stored) {
      const left = points;
      points = [];
      lastStep = -1;
      end(stored, left);
    },
    restored(runs) {
      queue.add(`${component} restored`, async (signal) => {
        const unended = new Set(await log.unended(component, signal));
        for (const stored of runs) {
          if (hasEnded(stored.run) && unended.has(stored.run.id)) end(stored, []);
        }
      });
    },
  };
}
