import { secondsSince, timestamp } from "../../common/clock/clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import type { PipelineGate } from "../../composition/pipeline-gate.ts";
import type { PipelineView } from "../../composition/pipeline-view.ts";
import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import type { Rows } from "../../data/source/data-source.ts";
import { profileColumns } from "../../data/spill/profile-columns.ts";
import type { StoredTable } from "../../data/spill/stored-table.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { findProtocol } from "../../learning/protocols/all.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import type { Provenance, SnapshotDraft, SnapshotManifest } from "../../pipeline/manifest.ts";
import type { TrainedTest } from "../../pipeline/model-test.ts";
import { failedTestText } from "../../pipeline/model-test-text.ts";
import { sampleWarning } from "../../pipeline/sample-text.ts";
import type { EngineChoice, WorkersSpec } from "../../pipeline/team.ts";
import type { Backplane, Leases } from "../../registry/backplane.ts";
import { inSpan, noTracing, type Tracer } from "../../runtime/tracing/tracer.ts";
import { OtherFileInForce, waitForFile } from "./accepted-file.ts";
import { forReport } from "./for-report.ts";
import type { MeasureFit } from "./measure-fit.ts";
import { createPinSnapshots, type PinSettings } from "./pin-snapshots.ts";
import { type OutageSettings, retryWhileUnavailable } from "./retry-while-unavailable.ts";
import { countAttempt, refusePoison } from "./run-attempts.ts";
import { createRunPins } from "./run-pins.ts";
import type { ExecuteRun, RunJob } from "./run-queue.ts";
import type { RunSlots } from "./run-slots.ts";
import { refuseFailed, type TestModel } from "./test-model.ts";
import { createTrainRun, type TrainingMetrics, type TrainRunDeps, type TrainRunSettings } from "./train-run.ts";
import type { LoadedData, TrainingData } from "./training-data.ts";

/** Under a coordinated protocol, only the component that holds this lease trains. */
const TRAIN_LEASE = "train";

export interface ExecuteSettings extends PinSettings, TrainRunSettings {
  /** Names this trainer as the lease's holder. */
  readonly holder: string;
  /** Whether the trainer honors requests to train on candidates, whatever the team file of a requested run says. */
  readonly cotrains: boolean;
}

/** Metrics of runs. */
export interface RunMetrics extends TrainingMetrics {
  published(seconds: number, bytes: number): void;
}

export interface ExecuteDeps extends Omit<TrainRunDeps, "registry" | "pins" | "outage" | "metrics"> {
  readonly backplane: Pick<Backplane, "registry" | "retention" | "ledger"> & {
    readonly leases: Pick<Leases, "acquire">;
  };
  /** Must be followed. */
  readonly view: Pick<PipelineView, "history" | "catchUp" | "changed">;
  readonly gate: Pick<PipelineGate, "digest" | "refusal" | "opens">;
  readonly data: Pick<TrainingData, "use">;
  readonly engine: (choice: EngineChoice) => Promise<Engine>;
  readonly testModel: TestModel;
  readonly measureFit: MeasureFit;
  /** Shared by the components of the process. */
  readonly slots: RunSlots;
  readonly metrics: RunMetrics;
  /** Defaults to none. */
  readonly tracer?: Tracer | undefined;
}

/** Executes runs: pins snapshots, trains, publishes. Resumes an interrupted run where it stopped. */
export function createExecuteRun(settings: ExecuteSettings, deps: ExecuteDeps): ExecuteRun {
  const { pipeline, component } = settings;
  const { registry, retention, leases } = deps.backplane;
  const { gate, slots, tracer = noTracing, clock, log } = deps;

  const outage = (signal: AbortSignal): OutageSettings => ({
    seconds: settings.unavailableSeconds,
    signal,
    clock,
    log,
  });

  const runPins = createRunPins({ ...settings, retention, clock, log });
  const train = createTrainRun(settings, { ...deps, registry, pins: runPins, outage });
  const pin = createPinSnapshots(settings, { backplane: deps.backplane, view: deps.view, pins: runPins, clock, log });

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
    const slot = await slots.acquire(signal, () =>
      job.record(
        {},
        { state: "waiting", waitingFor: `one of the ${slots.count} runs in progress to end (--parallel)` },
      ),
    );
    try {
      const startedAt = job.stored().run.startedAt ?? timestamp(clock);
      await job.record({}, { state: "running", waitingFor: null, startedAt });
      // Only now, because what is in use may have changed during the wait.
      const pins = await pin(job, slot, signal);
      return await countAttempt(job, log, () =>
        deps.data.use(signal, (data) => trainAndPublish(job, pins, data, startedAt, signal), {
          sample: job.stored().team.sample,
        }),
      );
    } finally {
      slot.release();
    }
  }

  async function trainAndPublish(
    job: RunJob,
    pins: ResolvedSnapshots,
    data: LoadedData,
    startedAt: string,
    signal: AbortSignal,
  ): Promise<SnapshotManifest> {
    tellSample(job, data.training);
    const engine = await deps.engine(job.stored().team.engine);
    const { traceparent: parent } = job;
    const trained = await inSpan(tracer, "train", { kind: "internal", parent }, () =>
      train(job, pins, data, engine, signal),
    );
    const { team, run, candidate, tuning } = job.stored();
    const fit = await forReport(run.id, "measure the model", log, () => deps.measureFit(trained.bytes, pins, signal));
    await forReport(run.id, "keep what was measured", log, () =>
      deps.store.saveReport(run.id, { version: 1, curve: trained.curve, ...(fit !== undefined && { fit }) }),
    );
    // A stop during the last step has its checkpoint; do not start publishing, which can take long.
    signal.throwIfAborted();
    const tests = await retryWhileUnavailable("testing the model", outage(signal), () =>
      deps.testModel(team.tests ?? [], trained.bytes, pins, signal),
    );
    tellFailed(job, tests);
    refuseFailed(component, tests);
    if (gate.refusal() !== undefined) throw new OtherFileInForce();
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
        ...(team.stopAfter !== undefined && { stopAfter: team.stopAfter }),
        seed: team.seed,
        ...(team.workers !== undefined && { workers: withoutFallback(team.workers) }),
        upstream: pins.upstream,
        gating: { sets: team.sets !== false, cotrain: settings.cotrains },
        ...(tests.length > 0 && { tests }),
        ...(candidate !== undefined && { candidateRun: candidate.id }),
        ...(tuning !== undefined && { tuning }),
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

  /** Adds a warning if the team's sample leaves suspiciously few rows. */
  function tellSample(job: RunJob, { sample, table }: Rows<StoredTable>): void {
    const { run, team } = job.stored();
    const message = sample && sampleWarning(sample, table.rows, team.batch);
    if (message === undefined || run.warnings.includes(message)) return;
    log.warn({ run: run.id }, message);
    job.show({ warnings: [...run.warnings, message] });
  }

  /** Adds a warning for each failed test. */
  function tellFailed(job: RunJob, tests: readonly TrainedTest[]): void {
    const { id, warnings } = job.stored().run;
    const said = tests
      .filter(({ passed }) => !passed)
      .map((test) => `failed test on training rows: ${failedTestText(test)}`);
    const added = said.filter((message) => !warnings.includes(message));
    for (const message of added) log.warn({ run: id }, message);
    if (added.length > 0) job.show({ warnings: [...warnings, ...added] });
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

function dataOf(rows: Rows<StoredTable>): NonNullable<Provenance["data"]> {
  const { fingerprint, table, boundary, sample } = rows;
  const until = boundary === undefined ? {} : { until: boundary };
  return { fingerprint, rows: table.rows, ...until, ...(sample && { sample }) };
}

/** What the bits do not depend on is not the manifest's. */
function withoutFallback({ fallback: _, ...recorded }: WorkersSpec): Omit<WorkersSpec, "fallback"> {
  return recorded;
}
