import type { Clock } from "../common/clock/clock.ts";
import type { UncoupleError } from "../common/errors.ts";
import { CHAMPION } from "../composition/in-use.ts";
import type { PipelineGate } from "../composition/pipeline-gate.ts";
import { createPipelineView } from "../composition/pipeline-view.ts";
import type { HeldOutRows } from "../data/source/data-source.ts";
import type { ColumnSchema, Table } from "../data/table/table.ts";
import type { Inference } from "../inference/inference.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { createQuestionCount } from "../pipeline/questions.ts";
import type { PipelineMatrix } from "../pipeline/verdict.ts";
import { type Backplane, EVALUATOR_GROUP } from "../registry/backplane.ts";
import type { EvaluatorStatus, MatrixOptions } from "../rpc/services/evaluator-service.ts";
import { createFailureReporter } from "../runtime/failure-reporter.ts";
import type { Logger } from "../runtime/logs.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { packageInfo } from "../runtime/package-info.ts";
import type { Tracer } from "../runtime/tracing/tracer.ts";
import { createConsistency } from "./consistency.ts";
import { createModelOf } from "./create-model-of.ts";
import { createDeliveryJudge } from "./delivery-judge.ts";
import { createEvaluateAnnouncement } from "./evaluate-announcement.ts";
import { createEvaluatorLoop } from "./evaluator-loop.ts";
import { createEvaluatorMatrix } from "./evaluator-matrix.ts";
import { createEvaluatorMetrics } from "./evaluator-metrics.ts";
import { evaluatorStatus } from "./evaluator-status.ts";
import { createEvaluatorGeneration } from "./held-out-generation.ts";
import { createHeldOutLosses } from "./held-out-losses.ts";
import { hideKeys } from "./hide-keys.ts";
import { watchInputDrift } from "./input-drift.ts";
import { runRetention } from "./retention-loop.ts";
import { rowStructure } from "./row-structure.ts";
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
  readonly heldOut: Table;
  /** Of the held-out rows: the values of `labelColumns`. */
  readonly labels: HeldOutRows["labels"];
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
 * @throws UncoupleError `invalid-argument` for a target that does not fit its component, `failed-precondition` for too
 *   few held-out rows, for a single group, or for too many slices
 */
export function createEvaluator(config: EvaluatorConfig, deps: EvaluatorDeps): Evaluator {
  const { name, pipeline, retained } = config;
  const { backplane, gate, heldOut, clock, log } = deps;
  const { registry } = backplane;
  const work = new AbortController();
  const { signal } = work;
  const queue = backplane.workQueue(EVALUATOR_GROUP);
  const reportFailure = createFailureReporter(log, deps.onLost);
  const components = pipeline.components.map((component) => component.name);
  const questions = createQuestionCount();
  const metrics = createEvaluatorMetrics(deps.metrics, components, {
    clock,
    questions,
    horizon: pipeline.verdict?.horizon,
    pending: () => queue.pending(),
    cachedBytes: () => ({ outputs: losses.cachedBytes(), models: deps.inference.heldBytes().models }),
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
    onAliasChange: ({ value }) => {
      if (value.alias === CHAMPION) matrix.invalidate();
    },
  });
  const losses = createHeldOutLosses(config, {
    heldOut,
    registry,
    schema: deps.schema,
    inference: deps.inference,
    onPass: metrics.passed,
    signal,
  });
  const generation = createEvaluatorGeneration(
    {
      pipeline: pipeline.name,
      evaluator: name,
      pipelineDigest: gate.digest,
      fingerprint: deps.fingerprint,
      rows: heldOut.rows,
      heldOutAfter: deps.heldOutAfter,
    },
    { backplane, view, matrix: { current: () => matrix.current() }, metrics, clock, log },
  );
  const structure = rowStructure(pipeline, heldOut.rows, deps.labels);
  const consistency = createConsistency({
    pipeline,
    heldOut,
    structure,
    modelOf: createModelOf(pipeline, config.maxModelBytes, { registry, schema: deps.schema, signal }),
    inference: deps.inference,
    log,
    signal,
  });
  const measuring = { pipeline, retained, registry, view, losses, structure, consistency, reportFailure, signal };
  const matrix = createEvaluatorMatrix(measuring);
  const writer = createVerdictWriter(
    {
      evaluator: name,
      pipeline,
      rows: heldOut.rows,
      groupings: structure.groupings,
      pipelineDigest: gate.digest,
    },
    { backplane, view, generation, questions, metrics, clock, log },
  );
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
      registry,
      view,
      losses,
      structure: () => hideKeys(structure, pipeline, generation.settled().salt),
      consistency,
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
    close: losses.close,
  });
  const { version } = packageInfo();
  const identity = { pipeline: pipeline.name, evaluator: name, rows: heldOut.rows, version };
  const { retention } = pipeline;
  const horizon = pipeline.verdict?.horizon ?? null;
  const collector = { pipeline: pipeline.name, by: name, backplane, view, metrics, reportFailure, clock, log };
  return {
    start() {
      loop.start();
      const { syncsAlways } = deps;
      void watchStores({ backplane, syncsAlways, metrics, reportFailure, clock, log }, signal);
      void watchInputDrift({ pipeline, heldOut, registry, view, metrics, reportFailure, clock }, signal);
      void runRetention({ ...collector, policy: retention }, signal);
    },
    stop: loop.stop,
    matrices: (options) => (options?.intervals === true ? matrix.withIntervals() : matrix.refresh()),
    status: () => evaluatorStatus({ ...identity, loop, queue, registry, matrix, gate, generation, questions, horizon }),
    refusal: generation.refusal,
  };
}
