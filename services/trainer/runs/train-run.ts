import { yieldToEventLoop } from "../../common/async/yield.ts";
import type { Clock, Timer } from "../../common/clock/clock.ts";
import type { LoadModel } from "../../composition/load-upstream.ts";
import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import type { Engine, EngineReason, RunningEngine } from "../../engine/interface/engine.ts";
import type { TrainedComponent, TrainingBackend } from "../../learning/component/training-backend.ts";
import type { TrainingCheckpoint, TrainingProgress } from "../../learning/training/training-progress.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { LossCurve } from "../../pipeline/run-report.ts";
import type { Registry } from "../../registry/registry.ts";
import type { Logger } from "../../runtime/logs.ts";
import { createCheckpointing } from "../checkpoints/checkpointing.ts";
import { changesOf, trainingFingerprint } from "../checkpoints/training-fingerprint.ts";
import { forReport } from "./for-report.ts";
import { recordCurve } from "./loss-curve.ts";
import { createPinnedModels, digestsOfPins } from "./pinned-models.ts";
import { type OutageSettings, retryWhileUnavailable } from "./retry-while-unavailable.ts";
import { clearAttempts } from "./run-attempts.ts";
import type { RunPins } from "./run-pins.ts";
import type { RunJob } from "./run-queue.ts";
import type { RunStore } from "./run-store.ts";
import type { StoredRun } from "./stored-run.ts";
import type { LoadedData } from "./training-data.ts";

export interface TrainRunSettings {
  readonly pipeline: Pipeline;
  readonly component: string;
  readonly codeVersion: string;
  /** Time between checkpoints. */
  readonly checkpointSeconds: number;
}

export interface TrainingMetrics {
  /** Called for each start of a training, resumed ones included. */
  started(engine: string, reason: EngineReason): void;
  trained(steps: number, loss: number, stepsPerSecond: number): void;
  checkpointed(seconds: number): void;
}

/** Told of trainings as they go; never waits and never throws. */
export interface TrainingTracking {
  /** A training begins, or is resumed. */
  began(stored: StoredRun): void;
  progressed(stored: StoredRun, progress: Pick<TrainingProgress, "step" | "steps" | "loss" | "learningRate">): void;
}

export interface TrainRunDeps {
  readonly registry: Pick<Registry, "manifest">;
  readonly pins: Pick<RunPins, "renew">;
  outage(signal: AbortSignal): OutageSettings;
  readonly store: RunStore;
  readonly training: TrainingBackend;
  /** What the training in progress waits for, as a phrase; undefined: it goes on. */
  readonly waitingFor?: () => string | undefined;
  readonly load: LoadModel;
  readonly metrics: TrainingMetrics;
  readonly tracking: TrainingTracking;
  /** Called with the name of the engine that trains, each time a training starts. */
  readonly onEngine: (name: string) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Trains a run's component, from its last checkpoint if there is one. */
export type TrainRun = (
  job: RunJob,
  pins: ResolvedSnapshots,
  data: LoadedData,
  engine: Engine,
  signal: AbortSignal,
) => Promise<TrainedRun>;

export interface TrainedRun extends TrainedComponent {
  readonly curve: LossCurve;
}

/** Time between looks at whether a training waits for workers. */
const WAIT_CHECK_MS = 500;
/** Weight of the newest chunk in the smoothed rate, which the remaining time is estimated from. */
const RATE_WEIGHT = 0.2;

export function createTrainRun(settings: TrainRunSettings, deps: TrainRunDeps): TrainRun {
  const { pipeline, component } = settings;
  const { clock, log } = deps;

  /** The checkpoint to resume from, if everything it depends on is unchanged. */
  async function checkpointOf(
    job: RunJob,
    pins: ResolvedSnapshots,
    data: LoadedData,
    signal: AbortSignal,
  ): Promise<TrainingCheckpoint | undefined> {
    const { run, team, basis: before } = job.stored();
    const digests = await digestsOfPins(component, pins, deps.registry, deps.outage(signal));
    const basis = await trainingFingerprint(pipeline, team, data, digests, settings.codeVersion);
    const changes = before === null ? undefined : changesOf(before, basis);
    if (changes !== undefined) {
      warn(job, `${changes} changed since the run started; restarting from step 0`);
      // Before recording the new basis: a crash in between must not leave old checkpoints that look valid.
      await deps.store.removeCheckpoints(run.id);
    }
    const resume = before === null ? undefined : await deps.store.loadCheckpoint(run.id);
    if (resume !== undefined) {
      log.info({ run: run.id, step: resume.step }, `run ${run.id} resumes at step ${resume.step}`);
    }
    await job.record({ basis }, { step: resume?.step ?? 0 });
    return resume;
  }

  /** Records which engine trains, before there can be checkpoints of it. */
  async function started(job: RunJob, { name, numerics, reason, detail }: RunningEngine, resumed: boolean) {
    const { run, engine: before, numerics: classBefore } = job.stored();
    log.info({ run: run.id, engine: name, numerics, reason }, `run ${run.id} trains on ${name}: ${detail}`);
    if (resumed && (before !== name || (classBefore ?? numerics) !== numerics)) {
      const [from, to] = before === name ? [classBefore, numerics] : [before, name];
      warn(job, `started on engine ${from} and resumed on ${to}: results may differ in the last bits`);
    }
    deps.metrics.started(name, reason);
    deps.onEngine(name);
    await job.record({ engine: name, numerics });
    deps.tracking.began(job.stored());
  }

  function warn(job: RunJob, message: string): void {
    const { id, warnings } = job.stored().run;
    // A resumed training repeats its earlier warnings.
    if (warnings.includes(message)) return;
    log.warn({ run: id }, message);
    job.show({ warnings: [...warnings, message] });
  }

  const train: TrainRun = async (job, pins, data, engine, signal) => {
    const { team, run, numerics } = job.stored();
    const load = (name: string, serial: number) => {
      const shown = { ...deps.outage(signal), onWait: (what: string | null) => showWait(job, what) };
      return retryWhileUnavailable(`loading ${name}@${serial}`, shown, () =>
        deps.load(name, serial, data.schema, signal),
      );
    };
    const resume = await checkpointOf(job, pins, data, signal);
    const checkpointing = createCheckpointing({
      run: run.id,
      seconds: settings.checkpointSeconds,
      store: {
        async saveCheckpoint(id, checkpoint) {
          // First, so that a training that resumes from the checkpoint has all of its curve.
          await saveCurve();
          await deps.store.saveCheckpoint(id, checkpoint);
          await clearAttempts(job);
        },
      },
      clock,
      log,
      onWritten: (_step, seconds) => deps.metrics.checkpointed(seconds),
    });
    const follow = progressOf(job, resume?.step ?? 0);
    const before = resume === undefined ? undefined : (await deps.store.loadReport(run.id))?.curve;
    const recorder = recordCurve(team, resume === undefined ? undefined : { checkpoint: resume, before });
    const saveCurve = () => deps.store.saveReport(run.id, { version: 1, curve: recorder.curve() });
    let waits: Timer | undefined;
    const models = createPinnedModels(pins, load);
    try {
      const upstream = await models.upstream();
      const previous = await models.previous(pipeline, team);
      if (team.workers !== undefined) {
        waits = clock.every(WAIT_CHECK_MS, () => showWait(job, deps.waitingFor?.() ?? null), { keepsAlive: false });
      }
      const trained = await deps.training.train({
        pipeline,
        team,
        table: data.training.table,
        upstream,
        ...(previous !== undefined && { previous }),
        ...(data.oracle !== undefined && { oracle: data.oracle }),
        ...(data.audit !== undefined && { audit: data.audit.table }),
        engine,
        ...(resume !== undefined && { resume }),
        ...(resume !== undefined && numerics !== undefined && { begun: numerics }),
        signal,
        onStart: (running) => started(job, running, resume !== undefined),
        onUnits: (units) => job.show({ units }),
        onWarning: (message) => warn(job, message),
        onOutput: (line) => log.info({ run: run.id }, `model module: ${line}`),
        onProgress: async (progress) => {
          follow(progress);
          recorder.add(progress);
          deps.pins.renew(run.id, pins);
          await checkpointing.consider(progress);
          // An engine may compute on this thread: let requests for health, metrics and cancels run.
          await yieldToEventLoop();
          if (signal.aborted && !job.stored().cancelRequested) await checkpointing.now(progress);
        },
      });
      return { ...trained, curve: recorder.curve() };
    } catch (thrown) {
      await checkpointing.settled();
      // It shows how the training diverged.
      if (!job.stopping.aborted) await forReport(run.id, "keep the loss curve", log, saveCurve);
      throw thrown;
    } finally {
      waits?.cancel();
      await checkpointing.settled();
      await models.dispose();
    }
  };

  /** @param waitingFor null if it trains */
  function showWait(job: RunJob, waitingFor: string | null): void {
    if (waitingFor === job.stored().run.waitingFor) return;
    const idle = waitingFor === null ? {} : { stepsPerSecond: null, etaSeconds: null };
    job.show({ state: waitingFor === null ? "running" : "waiting", waitingFor, ...idle });
    if (waitingFor !== null) log.info({ run: job.stored().run.id }, `waiting for ${waitingFor}`);
  }

  function progressOf(job: RunJob, first: number): (progress: TrainingProgress) => void {
    let smoothed: number | undefined;
    let last = first;
    return (progress) => {
      const { step, steps, loss, learningRate, stepsPerSecond } = progress;
      smoothed = smoothed === undefined ? stepsPerSecond : smoothed + RATE_WEIGHT * (stepsPerSecond - smoothed);
      job.show({ step, loss, learningRate, stepsPerSecond, etaSeconds: (steps - step) / smoothed });
      deps.metrics.trained(step - last, loss, stepsPerSecond);
      deps.tracking.progressed(job.stored(), progress);
      last = step;
    };
  }

  return train;
}
