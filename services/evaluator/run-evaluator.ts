import { dirname, resolve } from "node:path";
import type { Clock } from "../common/clock/clock.ts";
import type { UncoupleError } from "../common/errors.ts";
import { DEFAULT_MEMORY_LIMIT, divideMemory } from "../common/memory-budget.ts";
import { createPipelineGate, type PipelineGate } from "../composition/pipeline-gate.ts";
import { readPipelineFile } from "../data/read-pipeline.ts";
import type { DataAccess } from "../data/source/data-access.ts";
import { removeSpill, type SpillSpace } from "../data/spill/spill-folder.ts";
import { isSpilled } from "../data/spill/stored-table.ts";
import { createInference, DEFAULT_INFERENCE, type InferenceSettings } from "../inference/client/create-inference.ts";
import type { HostConnector } from "../inference/connect/host-connector.ts";
import { DEATH_CAUSES } from "../inference/inference.ts";
import { problemsError } from "../pipeline/files/problem.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { contentOf, digestOf } from "../pipeline/pipeline-content.ts";
import type { Backplane } from "../registry/backplane.ts";
import { DEFAULT_MAX_MODEL_BYTES } from "../registry/registry.ts";
import { refuseSharedCycles } from "../registry/sharing.ts";
import { addEvaluatorService } from "../rpc/server/evaluator-server.ts";
import { createRpcServer } from "../rpc/server/server.ts";
import type { ServerTls } from "../rpc/tls.ts";
import { createFailureReporter } from "../runtime/failure-reporter.ts";
import { inferenceMetrics } from "../runtime/inference-metrics.ts";
import { createLifecycle, type Lifecycle } from "../runtime/lifecycle.ts";
import type { Logger } from "../runtime/logs.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { packageInfo } from "../runtime/package-info.ts";
import { rpcMetrics } from "../runtime/rpc-metrics.ts";
import { serveServiceHealth } from "../runtime/service-health.ts";
import type { StartupWait } from "../runtime/startup-wait.ts";
import type { Tracer } from "../runtime/tracing/tracer.ts";
import { exportCertificateExpiry, exportClockOffset } from "../runtime/trust-metrics.ts";
import { droppedCounter, openClient } from "../tracking/open-tracking.ts";
import type { TrackingTarget } from "../tracking/tracking-target.ts";
import { createEvaluator, type Evaluator } from "./create-evaluator.ts";
import { splitInUse, storeHeldOutParts } from "./held-out-parts.ts";
import { loadHeldOut } from "./load-held-out.ts";
import { serveEvaluator } from "./serve-evaluator.ts";
import { trackJudgments } from "./tracking/track-judgments.ts";
import { runWebhooks } from "./webhooks/run-webhooks.ts";
import { createWebhookMetrics } from "./webhooks/webhook-metrics.ts";

export interface RunEvaluatorOptions {
  /** Path of the pipeline file. */
  readonly pipelineFile: string;
  /** This evaluator's name in verdicts and logs. */
  readonly name: string;
  readonly host: string;
  /** 0 picks a free port, here and below. */
  readonly grpcPort: number;
  /** Port of `/metrics`, `/livez` and `/readyz`. */
  readonly httpPort: number;
  readonly tls?: ServerTls | undefined;
  /** Number of newest serials per component in the matrix and among a verdict's alternatives; defaults to 8. */
  readonly retained?: number | undefined;
  /** Larger models are quarantined; defaults to 256 MiB. */
  readonly maxModelBytes?: number | undefined;
  /** Most bytes of memory, with those of the hosts; defaults to 2 GiB. */
  readonly memoryLimit?: number | undefined;
  /** Memory for composed outputs; defaults to an eighth of the limit. */
  readonly outputCacheBytes?: number | undefined;
  /** How long a stop waits for the current announcement before it returns it to the queue; defaults to 20. */
  readonly graceSeconds?: number | undefined;
  /** What differs from `DEFAULT_INFERENCE`. */
  readonly inference?: Partial<InferenceSettings> | undefined;
  /** Where verdicts are logged; defaults to nowhere. */
  readonly tracking?: TrackingTarget | undefined;
}

export interface RunEvaluatorDeps {
  /** Connects to the pipeline's backplane, which the evaluator closes; may wait for it. */
  connect(pipeline: Pipeline, wait: StartupWait): Promise<Backplane>;
  /** The certificates (PEM) of the connection to NATS as they are now, by their names in metrics. */
  readonly natsCertificates?: (() => Readonly<Record<string, Buffer | undefined>>) | undefined;
  /** As `StoreWatchDeps.syncsAlways`. */
  readonly syncsAlways?: (() => Promise<boolean | undefined>) | undefined;
  /** Opens where held-out rows go that exceed these bytes; default: all stay in memory. */
  readonly openSpace?: ((tableBytes: number) => Promise<SpillSpace>) | undefined;
  /** Starts the hosts that run models from the store. */
  readonly hosts: HostConnector;
  /** What rows on other machines are read with; without it, only local files are. */
  readonly data?: DataAccess | undefined;
  /** Defaults to none. */
  readonly tracer?: Tracer | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A running evaluator service. */
export interface RunningEvaluator {
  readonly lifecycle: Lifecycle;
  readonly pipeline: Pipeline;
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Lets the current announcement finish, drains gRPC, closes everything. Further calls return the same promise. */
  stop(): Promise<void>;
}

const GRACE_SECONDS = 20;
/** How long work may take to end once it has been aborted. */
const FORCE_SECONDS = 5;
/** gRPC calls are short, but computing a matrix can take seconds. */
const RPC_GRACE_SECONDS = 5;

/** Upper bound on the duration of a stop, for the caller's forced-exit timer. */
export function longestStopSeconds(options: Pick<RunEvaluatorOptions, "graceSeconds">): number {
  return (options.graceSeconds ?? GRACE_SECONDS) + 4 * FORCE_SECONDS;
}

/**
 * Runs the evaluator as a service. Serves health over HTTP first, then loads the held-out rows, connects to the
 * backplane, serves gRPC, and starts taking announcements.
 *
 * @throws UncoupleError as `readPipelineFile`, `loadHeldOut`, `connect`, `createHeldOutParts` and `createEvaluator`; `invalid-argument` with
 *   every problem of the pipeline file, one per line; `failed-precondition` for a port that cannot be bound. Everything
 *   opened before the error is closed.
 */
export async function runEvaluator(options: RunEvaluatorOptions, deps: RunEvaluatorDeps): Promise<RunningEvaluator> {
  const { host, name } = options;
  const { clock, log } = deps;
  const memory = divideMemory(options.memoryLimit ?? DEFAULT_MEMORY_LIMIT, 1);
  const parsed = await readPipelineFile(options.pipelineFile);
  if ("problems" in parsed) throw problemsError(parsed.problems);
  const { pipeline } = parsed;
  const metrics = createMetrics({
    service: "evaluator",
    pipeline: pipeline.name,
    pipelineDigest: digestOf(contentOf(pipeline)),
    version: packageInfo().version,
  });
  exportCertificateExpiry(metrics, clock, () => ({
    grpc: options.tls?.certificate,
    "grpc-client-ca": options.tls?.clientCa,
    ...deps.natsCertificates?.(),
  }));
  const graceSeconds = options.graceSeconds ?? GRACE_SECONDS;
  const lifecycle = createLifecycle({ name: "evaluator", clock, log, graceSeconds, forceSeconds: FORCE_SECONDS });
  let backplane: Backplane | undefined;
  let waitingFor: string | undefined;
  let gate: PipelineGate | undefined;
  let evaluator: Evaluator | undefined;
  let loaded = false;
  let grpcPort = 0;
  let httpPort = 0;

  await lifecycle.start(async () => {
    httpPort = await serveServiceHealth({
      host,
      port: options.httpPort,
      metrics,
      lifecycle,
      service: "evaluator",
      nats: () => backplane?.connection() ?? "connecting",
      ready: {
        backplane: () => (backplane === undefined ? waitingFor : undefined),
        data: () => (loaded ? undefined : "loading the held-out rows"),
        "pipeline file": () => gate?.refusal(),
        "held-out rows": () => evaluator?.refusal(),
      },
    });

    const { tableBytes, databaseBytes } = memory;
    const space = await deps.openSpace?.(tableBytes);
    const { schema, fingerprint, heldOutAfter, ...rows } = await loadHeldOut(
      parsed,
      options.pipelineFile,
      log,
      deps.data,
      { databaseBytes, space },
    );
    const { table } = rows;
    if (isSpilled(table)) lifecycle.onCleanup("spilled rows", () => removeSpill(table.folder));
    loaded = true;
    lifecycle.stopping.throwIfAborted();
    const connected = await deps.connect(pipeline, {
      signal: lifecycle.stopping,
      waiting(reason) {
        waitingFor = reason;
      },
    });
    lifecycle.onCleanup("backplane", () => connected.close());
    backplane = connected;
    exportClockOffset(metrics, clock, connected.clockOffset);
    const onLost = (error: UncoupleError) => lifecycle.fail(error);
    const reportFailure = createFailureReporter(log, onLost);
    const opened = createPipelineGate(pipeline, options.pipelineFile, {
      pipelines: connected.pipelines,
      clock,
      onError: reportFailure,
    });
    await opened.confirm();
    gate = opened;
    await refuseSharedCycles(pipeline, connected.neighbor);
    const split = splitInUse(await connected.generations.current(), fingerprint, pipeline, log);

    const inference = createInference(
      { ...DEFAULT_INFERENCE, memoryBytes: memory.hostBytes, ...options.inference },
      {
        connector: deps.hosts,
        clock,
        ...inferenceMetrics(metrics, DEATH_CAUSES, () => ({ ...inference.heldBytes() })),
      },
    );
    lifecycle.onCleanup("inference hosts", () => inference.close());

    const created = createEvaluator(
      {
        name,
        pipeline,
        retained: options.retained ?? 8,
        maxModelBytes: options.maxModelBytes ?? DEFAULT_MAX_MODEL_BYTES,
        outputCacheBytes: options.outputCacheBytes ?? memory.outputCacheBytes,
      },
      {
        backplane: connected,
        gate: opened,
        schema,
        heldOut: await storeHeldOutParts(pipeline, rows, split),
        fingerprint,
        heldOutAfter,
        inference,
        clock,
        log,
        metrics,
        tracer: deps.tracer,
        syncsAlways: deps.syncsAlways,
        onLost,
      },
    );
    evaluator = created;
    lifecycle.onDrain("the current announcement", (force) => created.stop(force));

    const server = createRpcServer({
      host,
      port: options.grpcPort,
      tls: options.tls,
      onCall: rpcMetrics(metrics),
      clock,
      log,
    });
    addEvaluatorService(server, serveEvaluator(created, connected));
    lifecycle.onDrain("gRPC", () => server.stop(RPC_GRACE_SECONDS));
    const tellHealth = () => {
      const refusal = opened.refusal();
      server.setServing(refusal === undefined);
      if (refusal !== undefined) log.warn(`not ready: ${refusal}`);
    };
    tellHealth();
    const following = opened.follow(lifecycle.stopping, tellHealth);
    lifecycle.onDrain("following the pipeline file", () => following);
    grpcPort = await server.start();
    created.start();
    void inference.warm();
    const folder = dirname(options.pipelineFile);
    const telling = runWebhooks(
      {
        evaluator: name,
        pipeline: pipeline.name,
        webhooks: (pipeline.webhooks ?? []).map((webhook) => ({
          ...webhook,
          secretFile: resolve(folder, webhook.secretFile),
        })),
        backplane: connected,
        applied: opened,
        metrics: createWebhookMetrics(metrics, clock),
        reportFailure,
        clock,
      },
      lifecycle.stopping,
    );
    lifecycle.onDrain("telling webhooks", () => telling);
    const dropped = droppedCounter(metrics);
    if (options.tracking !== undefined) {
      const client = openClient(options.tracking, clock);
      const onDropped = () => dropped.inc();
      const logging = { evaluator: name, pipeline: pipeline.name, backplane: connected, client, onDropped, clock, log };
      const tracking = trackJudgments(logging, lifecycle.stopping);
      lifecycle.onDrain("logging verdicts and quarantines", () => tracking);
    }
    log.info(
      { grpc: `${host}:${grpcPort}`, http: `${host}:${httpPort}`, evaluator: name },
      `evaluating pipeline ${pipeline.name}`,
    );
  });
  return { lifecycle, pipeline, grpcPort, httpPort, stop: () => lifecycle.stop() };
}
