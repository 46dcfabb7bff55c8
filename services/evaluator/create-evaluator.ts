import type { Clock } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import type { PipelineGate } from "../composition/pipeline-gate.ts";
import { createPipelineView } from "../composition/pipeline-view.ts";
import type { ColumnSchema } from "../data/table/table.ts";
import type { Inference } from "../inference/inference.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { createQuestionCount } from "../pipeline/questions.ts";
import type { PipelineMatrix } from "../pipeline/verdict.ts";
import { type Backplane, EVALUATOR_GROUP } from "../registry/backplane.ts";
import { createLedgerState } from "../releases/ledger-state.ts";
import type { EvaluatorStatus, MatrixOptions } from "../rpc/services/evaluator-service.ts";
import { createFailureReporter } from "../runtime/failure-reporter.ts";
import type { Logger } from "../runtime/logs.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { packageInfo } from "../runtime/package-info.ts";
import type { Tracer } from "../runtime/tracing/tracer.ts";
import type { RowStructure } from "../verdicts/judgement.ts";
import { createAnnotatedPart } from "./annotated-part.ts";
import { createConsistency } from "./consistency.ts";
import { createModelOf } from "./create-model-of.ts";
import { createDeliveryJudge } from "./delivery-judge.ts";
import { createEvaluateAnnouncement } from "./evaluate-announcement.ts";
import { createEvaluatorLoop } from "./evaluator-loop.ts";
import { createEvaluatorMatrix } from "./evaluator-matrix.ts";
import { createEvaluatorMetrics } from "./evaluator-metrics.ts";
import { evaluatorStatus } from "./evaluator-status.ts";
import { createGateParts } from "./gate-parts.ts";
import { createGateMetrics } from "./gating/gate-metrics.ts";
import { createGating } from "./gating/gating.ts";
import { createEvaluatorGeneration } from "./held-out-generation.ts";
import { createHeldOutLosses } from "./held-out-losses.ts";
import type { HeldOutParts } from "./held-out-parts.ts";
import { hideKeys } from "./hide-keys.ts";
import { watchInputDrift } from "./input-drift.ts";
import { createComposedTests } from "./model-tests/composed-tests.ts";
import { createReleaseKeeper } from "./release-keeper.ts";
import { runRetention } from "./retention-loop.ts";
import { createSharedLinks } from "./shared/shared-links.ts";
import { watchStores } from "./store-watch.ts";
import { createVerdictWriter } from "./verdict-writer.ts";

export interface EvaluatorConfig {
  /** This evaluator's name in verdicts and logs. */
  readonly name: string;
  readonly pipeline: Pipeline;
  /** Number of newest serials per component in the matrix and among a verdict's alternatives. */
  readonly retained: number;
  /** Larger models are quarantined. */
  readonly maxModelBytes: number;
  /** Memory for composed outputs. */
  readonly outputCacheBytes: number;
}

export interface EvaluatorDeps {
  readonly backplane: Backplane;
  /** Must be followed. */
  readonly gate: PipelineGate;
  readonly schema: readonly ColumnSchema[];
  /** The held-out rows, with every input and target column of the pipeline. */
  readonly heldOut: HeldOutParts;
  /** As `HeldOut.fingerprint`; verdicts record it. */
  readonly fingerprint: string;
  /** As `HeldOut.heldOutAfter`. */
  readonly heldOutAfter?: string | undefined;
  /** Not closed here. */
  readonly inference: Inference;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Defaults to none. */
  readonly tracer?: Tracer | undefined;
  /** As `StoreWatchDeps.syncsAlways`. */
  readonly syncsAlways?: (() => Promise<boolean | undefined>) | undefined;
  /** Called when the store was replaced, for example by a server that came back empty: only a restart helps. */
  readonly onLost: (error: UncoupleError) => void;
}

/** Judges a pipeline's announced snapshots. A pipeline's evaluators share the work: each snapshot is judged once. */
export interface Evaluator {
  /** Starts taking announcements. */
  start(): void;
  /**
   * Stops taking announcements and finishes the current one, or returns it to the queue when `force` aborts. Further
   * calls return the same promise.
   */
  stop(force?: AbortSignal): Promise<void>;
  /** Pipeline losses along every edge, consistent for one moment. */
  matrices(options?: MatrixOptions): Promise<readonly PipelineMatrix[]>;
  status(): Promise<EvaluatorStatus>;
  /** Why it cannot judge with its held-out rows; undefined if it can. */
  refusal(): string | undefined;
}

/**
 * @throws UncoupleError `failed-precondition` for too few held-out rows
 */
export function createEvaluator(config: EvaluatorConfig, deps: EvaluatorDeps): Evaluator {
  const { name, pipeline, retained } = config;
  const { backplane, gate, clock, log } = deps;
  const { screen, divided } = deps.heldOut;
  const { structure } = screen;
  const { registry } = backplane;
  const work = new AbortController();
  const { signal } = work;
  const queue = backplane.workQueue(EVALUATOR_GROUP);
  const reportFailure = createFailureReporter(log, deps.onLost);
  const components = pipeline.components.map((component) => component.name);
  const questions = createQuestionCount();
  const ledger = createLedgerState();
  const metrics = createEvaluatorMetrics(deps.metrics, components, {
    clock,
    questions,
    horizon: pipeline.verdict?.horizon,
    pending: () => queue.pending(),
    cachedBytes: () => ({
      outputs: losses.cachedBytes() + (parts?.cachedBytes() ?? 0),
      models: deps.inference.heldBytes().models,
    }),
    publishedAt: (component) => view.newest(component)?.publishedAt,
    gaps: () => matrix.gaps(),
  });
  const view = createPipelineView({
    backplane,
    clock,
    onError: reportFailure,
    onVerdict({ value }) {
      questions.note(value);
      metrics.losses(value);
    },
    onAnnouncement({ manifest }) {
      gating?.noteAnnouncement(manifest);
      links.noteAnnouncement(manifest);
    },
    onLedgerEntry(entry) {
      ledger.note(entry);
      if (entry.value.entry === "release") matrix.invalidate();
    },
  });
  const reading = {
    registry,
    schema: deps.schema,
    inference: deps.inference,
    onPass: metrics.passed,
    signal,
  };
  const screenShare = divided?.split[0] ?? 1;
  const losses = createHeldOutLosses(
    { ...config, outputCacheBytes: screenShare * config.outputCacheBytes },
    { ...reading, heldOut: screen },
  );
  const generation = createEvaluatorGeneration(
    {
      pipeline: pipeline.name,
      evaluator: name,
      pipelineDigest: gate.digest,
      fingerprint: deps.fingerprint,
      rows: deps.heldOut.rows,
      heldOutAfter: deps.heldOutAfter,
      split: divided?.split,
    },
    { backplane, view, questions, matrix: { current: () => matrix.current() }, metrics, clock, log },
  );
  const hide = (rows: RowStructure) => hideKeys(rows, pipeline, generation.settled().salt);
  const modelOf = createModelOf(pipeline, config.maxModelBytes, reading);
  const annotated = createAnnotatedPart(pipeline, screen, { ...reading, modelOf }, (upstream, downstream, reason) =>
    log.warn({ upstream, downstream, reason }, "no consistency gap for an edge"),
  );
  const consistency = createConsistency(pipeline, annotated);
  const tests = createComposedTests({
    pipeline,
    schema: deps.schema,
    sample: deps.heldOut.sample,
    modelOf,
    inference: deps.inference,
    salt: () => generation.settled().salt,
    signal,
    log,
  });
  const parts = divided && createGateParts(config, divided, { ...reading, screen, losses, annotated, hide });
  const measuring = { pipeline, retained, backplane, view, losses, structure, consistency, reportFailure, signal };
  const matrix = createEvaluatorMatrix(measuring);
  const releases = createReleaseKeeper({
    pipeline,
    backplane,
    view,
    gate,
    beforeRelease: async () => gating?.beforeRelease(signal),
    reportFailure,
    clock,
    log,
    signal,
  });
  const writer = createVerdictWriter(
    {
      evaluator: name,
      pipeline,
      rows: screen.table.rows,
      groupings: structure.groupings,
      pipelineDigest: gate.digest,
    },
    { backplane, view, generation, questions, releases, metrics, clock, log },
  );
  const gateMetrics = createGateMetrics(deps.metrics, {
    clock,
    components,
    state: ledger,
    loss: async () => (await matrix.current()).loss,
    generation: () => generation.current()?.generation,
    policy: pipeline.gate,
    gate: () => gating?.status(),
    waiting: () => gating?.waiting(),
  });
  const gating =
    pipeline.gate &&
    parts &&
    createGating({
      evaluator: name,
      pipeline,
      gate: pipeline.gate,
      retained,
      rows: parts,
      tests,
      backplane,
      view,
      state: ledger,
      applied: gate,
      generation,
      quarantine: writer.quarantine,
      metrics: gateMetrics,
      reportFailure,
      clock,
      log,
    });
  const links = createSharedLinks({
    evaluator: name,
    pipeline,
    backplane,
    view,
    applied: gate,
    quarantine: writer.quarantine,
    onPass: metrics.linked,
    reportFailure,
    clock,
    log,
  });
  const deciding = new AbortController();
  let decided: Promise<void> = Promise.resolve();
  const judge = createDeliveryJudge({
    tracer: deps.tracer,
    evaluator: name,
    backplane,
    view,
    gate,
    generation,
    writer,
    metrics,
    clock,
    log,
    evaluate: createEvaluateAnnouncement({
      pipeline,
      retained,
      backplane,
      view,
      losses,
      structure: () => hide(structure),
      consistency,
      tests,
      writer,
      clock,
      signal,
    }),
    onVerdict: matrix.refreshInBackground,
    signal,
  });
  const loop = createEvaluatorLoop({
    queue,
    view,
    gate,
    generation,
    judge,
    work,
    reportFailure,
    clock,
    async close() {
      await decided;
      await losses.close();
      await parts?.close();
    },
  });
  const { version } = packageInfo();
  const identity = { pipeline: pipeline.name, evaluator: name, rows: screen.table.rows, version };
  const { retention } = pipeline;
  const horizon = pipeline.verdict?.horizon ?? null;
  const collector = { pipeline: pipeline.name, by: name, backplane, view, metrics, reportFailure, clock, log };
  return {
    start() {
      loop.start();
      const { syncsAlways } = deps;
      void watchStores({ backplane, syncsAlways, metrics, reportFailure, clock, log }, signal);
      void watchInputDrift({ pipeline, heldOut: screen.table, backplane, view, metrics, reportFailure, clock }, signal);
      void releases.run();
      void links.run(signal);
      if (gating !== undefined) decided = gating.run(deciding.signal);
      void runRetention({ ...collector, policy: retention }, signal);
    },
    stop(force) {
      deciding.abort(new UncoupleError("cancelled", "the evaluator is stopping"));
      return loop.stop(force);
    },
    matrices: (options) => (options?.intervals === true ? matrix.withIntervals() : matrix.refresh()),
    status: () =>
      evaluatorStatus({
        ...identity,
        loop,
        queue,
        registry,
        matrix,
        applied: gate,
        generation,
        questions,
        horizon,
        releases: ledger,
        gating,
      }),
    refusal: generation.refusal,
  };
}
