import { raceAbort } from "../../common/async/race-abort.ts";
import { yieldToEventLoop } from "../../common/async/yield.ts";
import { type Clock, secondsSince, type Timer, timestamp } from "../../common/clock/clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import type { LoadModel } from "../../composition/load-upstream.ts";
import type { PipelineGate } from "../../composition/pipeline-gate.ts";
import type { PipelineView } from "../../composition/pipeline-view.ts";
import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import type { Rows } from "../../data/source/data-source.ts";
import { profileColumns } from "../../data/table/column-profile.ts";
import type { Engine, EngineReason, RunningEngine } from "../../engine/interface/engine.ts";
import type { TrainingBackend } from "../../learning/component/training-backend.ts";
import { findProtocol } from "../../learning/protocols/all.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import type { TrainingCheckpoint, TrainingProgress } from "../../learning/training/training-progress.ts";
import { componentNamed, consumers } from "../../pipeline/dag.ts";
import type { Provenance, SnapshotDraft, SnapshotManifest } from "../../pipeline/manifest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { EngineChoice, WorkersSpec } from "../../pipeline/team.ts";
import type { Backplane, Leases } from "../../registry/backplane.ts";
import type { Logger } from "../../runtime/logs.ts";
import { inSpan, noTracing, type Tracer } from "../../runtime/tracing/tracer.ts";
import { createCheckpointing } from "../checkpoints/checkpointing.ts";
import { changesOf, trainingFingerprint } from "../checkpoints/training-fingerprint.ts";
import { OtherFileInForce, waitForFile } from "./accepted-file.ts";
import { createPinSnapshots, type PinSettings } from "./pin-snapshots.ts";
import { type OutageSettings, retryWhileUnavailable } from "./retry-while-unavailable.ts";
import { clearAttempts, countAttempt, refusePoison } from "./run-attempts.ts";
import { createRunPins } from "./run-pins.ts";
import type { ExecuteRun, RunJob } from "./run-queue.ts";
import type { RunStore } from "./run-store.ts";
import type { StoredRun } from "./stored-run.ts";
import type { LoadedData, TrainingData } from "./training-data.ts";

/** Under a coordinated protocol, only the component that holds this lease trains. */
const TRAIN_LEASE = "train";

export interface ExecuteSettings extends PinSettings {
  /** Names this trainer as the lease's holder. */
  readonly holder: string;
  readonly codeVersion: string;
  /** Time between checkpoints. */
  readonly checkpointSeconds: number;
}

/** Metrics of runs. */
export interface RunMetrics {
  /** Called for each start of a training, resumed ones included. */
  started(engine: string, reason: EngineReason): void;
  trained(steps: number, loss: number, stepsPerSecond: number): void;
  published(seconds: number, bytes: number): void;
  checkpointed(seconds: number): void;
}

export interface ExecuteDeps {
  readonly backplane: Pick<Backplane, "registry" | "retention"> & { readonly leases: Pick<Leases, "acquire"> };
  /** Must be followed. */
  readonly view: Pick<PipelineView, "history" | "catchUp" | "changed">;
  readonly gate: Pick<PipelineGate, "digest" | "refusal" | "opens">;
  readonly store: RunStore;
  readonly data: TrainingData;
  readonly engine: (choice: EngineChoice) => Promise<Engine>;
  readonly training: TrainingBackend;
  /** What the training in progress waits for, as a phrase; undefined: it goes on. */
  readonly waitingFor?: () => string | undefined;
  readonly load: LoadModel;
  readonly metrics: RunMetrics;
  /** Called with the name of the engine that trains, each time a training starts. */
  readonly onEngine: (name: string) => void;
  /** Defaults to none. */
  readonly tracer?: Tracer | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Time between looks at whether a training waits for workers. */
const WAIT_CHECK_MS = 500;
/** Weight of the newest chunk in the smoothed rate, which the remaining time is estimated from. */
const RATE_WEIGHT = 0.2;

/** Executes runs: pins snapshots, trains, publishes. Resumes an interrupted run where it stopped. */
export function createExecuteRun(settings: ExecuteSettings, deps: ExecuteDeps): ExecuteRun {
  const { pipeline, component } = settings;
  const { registry, retention, leases } = deps.backplane;
  const { gate, tracer = noTracing, clock, log } = deps;

  const outage = (signal: AbortSignal): OutageSettings => ({
    seconds: settings.unavailableSeconds,
    signal,
    clock,
    log,
  });

  const runPins = createRunPins({ ...settings, retention, clock, log });
  const pin = createPinSnapshots(settings, { registry, view: deps.view, pins: runPins, clock, log });

  /** The checkpoint to resume from, if everything it depends on is unchanged. */
  async function checkpointOf(
    job: RunJob,
    pins: ResolvedSnapshots,
    data: LoadedData,
    signal: AbortSignal,
  ): Promise<TrainingCheckpoint | undefined> {
    const { run, team, basis: before } = job.stored();
    const digests = await digestsOf(pins, signal);
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

  /** The digests of the models of the pinned snapshots, by component. */
  async function digestsOf({ upstream, parent }: ResolvedSnapshots, signal: AbortSignal) {
    const serials = { ...upstream, ...(parent !== null && { [component]: parent }) };
    const digests: Record<string, string> = {};
    for (const [name, serial] of Object.entries(serials)) {
      const manifest = await retryWhileUnavailable(`looking for ${name}@${serial}`, outage(signal), () =>
        registry.manifest(name, serial),
      );
      digests[name] = manifest.digest;
    }
    return digests;
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
  }

  function warn(job: RunJob, message: string): void {
    const { id, warnings } = job.stored().run;
    // A resumed training repeats its earlier warnings.
    if (warnings.includes(message)) return;
    log.warn({ run: id }, message);
    job.show({ warnings: [...warnings, message] });
  }

  async function train(job: RunJob, pins: ResolvedSnapshots, data: LoadedData, engine: Engine, signal: AbortSignal) {
    const { team, run, numerics } = job.stored();
    const models = new Map<string, SnapshotModel>();
    const load = async (name: string, serial: number) => {
      const shown = { ...outage(signal), onWait: (what: string | null) => showWait(job, what) };
      const model = await retryWhileUnavailable(`loading ${name}@${serial}`, shown, () =>
        deps.load(name, serial, data.schema, signal),
      );
      models.set(name, model);
      return model;
    };
    const resume = await checkpointOf(job, pins, data, signal);
    const checkpointing = createCheckpointing({
      run: run.id,
      seconds: settings.checkpointSeconds,
      store: {
        async saveCheckpoint(id, checkpoint) {
          await deps.store.saveCheckpoint(id, checkpoint);
          await clearAttempts(job);
        },
      },
      clock,
      log,
      onWritten: (_step, seconds) => deps.metrics.checkpointed(seconds),
    });
    const follow = progressOf(job, resume?.step ?? 0);
    let waits: Timer | undefined;
    try {
      const upstream: Record<string, SnapshotModel> = {};
      for (const [name, serial] of Object.entries(pins.upstream)) upstream[name] = await load(name, serial);
      const needsPrevious = pins.parent !== null && needsOf(pipeline, job.stored()).previous;
      const previous = needsPrevious ? await load(component, pins.parent) : undefined;
      if (team.workers !== undefined) {
        waits = clock.every(WAIT_CHECK_MS, () => showWait(job, deps.waitingFor?.() ?? null), { keepsAlive: false });
      }
      return await deps.training.train({
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
          runPins.renew(run.id, pins);
          await checkpointing.consider(progress);
          // An engine may compute on this thread: let requests for health, metrics and cancels run.
          await yieldToEventLoop();
          if (signal.aborted && !job.stored().cancelRequested) await checkpointing.now(progress);
        },
      });
    } finally {
      waits?.cancel();
      await checkpointing.settled();
      for (const model of models.values()) await model.dispose();
    }
  }

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
    return ({ step, steps, loss, learningRate, stepsPerSecond }) => {
      smoothed = smoothed === undefined ? stepsPerSecond : smoothed + RATE_WEIGHT * (stepsPerSecond - smoothed);
      job.show({ step, loss, learningRate, stepsPerSecond, etaSeconds: (steps - step) / smoothed });
      deps.metrics.trained(step - last, loss, stepsPerSecond);
      last = step;
    };
  }

  async function publish(
    job: RunJob,
    pins: ResolvedSnapshots,
    draft: SnapshotDraft,
    bytes: Uint8Array,
  ): Promise<SnapshotManifest> {
    await job.record({}, { state: "publishing", etaSeconds: null });
    const started = clock.elapsed();
    const { traceparent: parent } = job;
    const manifest = await inSpan(tracer, "publish", { kind: "producer", parent }, ({ traceparent }) =>
      retryWhileUnavailable("publishing the snapshot", outage(job.signal), () =>
        registry.publish(draft, bytes, pins.parent, job.signal, traceparent),
      ),
    );
    deps.metrics.published(secondsSince(clock, started), bytes.length);
    return manifest;
  }

  async function attempt(job: RunJob, signal: AbortSignal): Promise<SnapshotManifest> {
    const startedAt = job.stored().run.startedAt ?? timestamp(clock);
    await job.record({}, { state: "running", waitingFor: null, startedAt });
    const pins = await pin(job, signal);
    return countAttempt(job, log, () => trainAndPublish(job, pins, startedAt, signal));
  }

  async function trainAndPublish(
    job: RunJob,
    pins: ResolvedSnapshots,
    startedAt: string,
    signal: AbortSignal,
  ): Promise<SnapshotManifest> {
    const data = await raceAbort(deps.data.load(), signal);
    const engine = await deps.engine(job.stored().team.engine);
    const { traceparent: parent } = job;
    const trained = await inSpan(tracer, "train", { kind: "internal", parent }, () =>
      train(job, pins, data, engine, signal),
    );
    // A stop during the last step has its checkpoint; do not start publishing, which can take long.
    signal.throwIfAborted();
    if (gate.refusal() !== undefined) throw new OtherFileInForce();
    const { team, run } = job.stored();
    const draft: SnapshotDraft = {
      pipeline: pipeline.name,
      component,
      runId: run.id,
      contract: { inputs: trained.inputs, output: trained.output },
      pipelineDigest: gate.digest,
      provenance: {
        model: trained.model,
        opset: trained.opset,
        protocol: team.protocol,
        optimizer: team.optimizer,
        schedule: team.schedule,
        batch: team.batch,
        steps: team.steps,
        seed: team.seed,
        ...(team.workers !== undefined && { workers: withoutFallback(team.workers) }),
        upstream: pins.upstream,
        ...(trained.counterfactual !== undefined && { counterfactual: trained.counterfactual }),
        data: {
          ...dataOf(data.training),
          columns: await profileColumns(data.training.table, componentNamed(pipeline, component).columns),
        },
        trainingLoss: trained.loss,
        engine: trained.engine,
        numerics: trained.numerics,
        codeVersion: settings.codeVersion,
        startedAt,
        finishedAt: timestamp(clock),
      },
    };
    return publish(job, pins, draft, trained.bytes);
  }

  /** Trains under the lease. If the lease is lost, stops the training and waits to acquire it again. */
  async function attemptUnderLease(job: RunJob): Promise<SnapshotManifest> {
    const { id } = job.stored().run;
    for (;;) {
      await job.record(
        {},
        { state: "waiting", waitingFor: "the training lease", stepsPerSecond: null, etaSeconds: null },
      );
      const lease = await leases.acquire(TRAIN_LEASE, settings.holder, job.signal);
      try {
        return await attempt(job, AbortSignal.any([job.signal, lease.lost]));
      } catch (thrown) {
        // The interrupted operation may throw its own `cancelled` error.
        const byLoss = thrown === lease.lost.reason || asUncoupleError(thrown).code === "cancelled";
        if (!lease.lost.aborted || !byLoss || job.signal.aborted) throw thrown;
        log.warn({ run: id, error: thrown }, `run ${id} lost the training lease; waiting to acquire it again`);
      } finally {
        await lease.release();
      }
    }
  }

  /** The snapshot that the run published without receiving the acknowledgement. Retries until the trainer stops. */
  const findOwnSnapshot = (job: RunJob) =>
    retryWhileUnavailable("looking for the run's snapshot", outage(job.stopping), () =>
      registry.ofRun(component, job.stored().run.id),
    );

  async function execute(job: RunJob): Promise<SnapshotManifest> {
    // The trainer may have died between publishing and recording it; in earlier states, nothing was published.
    const published = job.stored().run.state === "publishing" ? await findOwnSnapshot(job) : undefined;
    if (published !== undefined) return published;
    job.signal.throwIfAborted();
    refusePoison(job);
    try {
      const { name } = job.stored().team.protocol;
      for (;;) {
        await waitForFile(job, gate, log);
        try {
          return findProtocol(name).coordinated ? await attemptUnderLease(job) : await attempt(job, job.signal);
        } catch (thrown) {
          if (!(thrown instanceof OtherFileInForce)) throw thrown;
        }
      }
    } catch (thrown) {
      // A cancel is too late if the snapshot was announced, even if the acknowledgement was lost.
      const tooLate = job.stored().cancelRequested && job.stored().run.state === "publishing";
      const announced = tooLate ? await findOwnSnapshot(job) : undefined;
      if (announced !== undefined) return announced;
      throw thrown;
    }
  }

  return async (job) => {
    const { id } = job.stored().run;
    try {
      const published = await execute(job);
      runPins.release(id, job.stopping);
      return published;
    } catch (thrown) {
      // An interrupted run resumes with the same snapshots.
      const interrupted = job.stopping.aborted && !job.stored().cancelRequested;
      if (!interrupted) runPins.release(id, job.stopping);
      throw thrown;
    }
  };
}

function dataOf({ fingerprint, table, boundary }: Rows): NonNullable<Provenance["data"]> {
  return { fingerprint, rows: table.rows, ...(boundary !== undefined && { until: boundary }) };
}

/** What the bits do not depend on is not the manifest's. */
function withoutFallback({ fallback: _, ...recorded }: WorkersSpec): Omit<WorkersSpec, "fallback"> {
  return recorded;
}

function needsOf(pipeline: Pipeline, { team }: StoredRun) {
  const component = componentNamed(pipeline, team.component);
  return findProtocol(team.protocol.name).needs(team.protocol.parameters, {
    hasUpstream: component.upstream.length > 0,
    isConsumed: consumers(pipeline.components, component.name).length > 0,
  });
}
