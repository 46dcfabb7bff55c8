import type { Clock } from "../common/clock/clock.ts";
import { readPipelineFile } from "../data/read-pipeline.ts";
import { loadSnapshotModel } from "../learning/snapshot/load-snapshot-model.ts";
import { problemsError } from "../pipeline/files/problem.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Backplane } from "../registry/backplane.ts";
import { DEFAULT_MAX_MODEL_BYTES } from "../registry/registry.ts";
import { addEvaluatorService } from "../rpc/server/evaluator-server.ts";
import { createRpcServer } from "../rpc/server/server.ts";
import type { ServerTls } from "../rpc/tls.ts";
import { createLifecycle, type Lifecycle } from "../runtime/lifecycle.ts";
import type { Logger } from "../runtime/logs.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { packageInfo } from "../runtime/package-info.ts";
import { rpcMetrics } from "../runtime/rpc-metrics.ts";
import { serveServiceHealth } from "../runtime/service-health.ts";
import { createEvaluator } from "./create-evaluator.ts";
import { loadHeldOut } from "./load-held-out.ts";
import { serveEvaluator } from "./serve-evaluator.ts";

export interface RunEvaluatorOptions {
  /** Path of the pipeline file. */
  readonly pipelineFile: string;
  /** Which process this is among those that share the work. */
  readonly name: string;
  readonly host: string;
  /** 0 takes a free one, here and below. */
  readonly grpcPort: number;
  /** Of `/metrics`, `/livez` and `/readyz`. */
  readonly httpPort: number;
  readonly tls?: ServerTls | undefined;
  /** Serials of each component in the matrix and among the alternatives; 8 if not given. */
  readonly retained?: number | undefined;
  /** Larger models are quarantined; 256 MiB if not given. */
  readonly maxModelBytes?: number | undefined;
  /** Memory for composed outputs; 256 MiB if not given. */
  readonly outputCacheBytes?: number | undefined;
  /** How long a stop waits for the announcement in hand before it is given back; 20 s if not given. */
  readonly graceSeconds?: number | undefined;
}

export interface RunEvaluatorDeps {
  /** Connects to the backplane of the pipeline; the evaluator closes it. */
  connect(pipeline: Pipeline): Promise<Backplane>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** An evaluator service, started or starting. */
export interface RunningEvaluator {
  readonly lifecycle: Lifecycle;
  readonly pipeline: Pipeline;
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Gives the announcement in hand time to finish, drains gRPC, closes everything. Calling again gives the same promise. */
  stop(): Promise<void>;
}

/** Memory for composed outputs. */
const OUTPUT_CACHE_BYTES = 256 * 1024 ** 2;
/** Memory for loaded models where the largest is small: a session takes more than the bytes of a small model. */
const LEAST_MODEL_CACHE_BYTES = 64 * 1024 ** 2;
const GRACE_SECONDS = 20;
/** How long what was told to end at once may take. */
const FORCE_SECONDS = 5;
/** gRPC calls are short; a matrix may take some seconds. */
const RPC_GRACE_SECONDS = 5;

/** The longest that a stop takes, for whoever stands behind it with a forced exit. */
export function longestStopSeconds(options: Pick<RunEvaluatorOptions, "graceSeconds">): number {
  return (options.graceSeconds ?? GRACE_SECONDS) + 4 * FORCE_SECONDS;
}

/**
 * The evaluator as a service: health over HTTP from the first moment on, then the held-out rows, the backplane, gRPC,
 * and the work.
 *
 * @throws UncoupleError as `readPipelineFile`, `loadHeldOut`, `connect` and `createEvaluator`; `invalid-argument` with every
 *   problem of the pipeline file, one a line; `failed-precondition` when a port cannot be listened on. What was opened before is closed again.
 */
export async function runEvaluator(options: RunEvaluatorOptions, deps: RunEvaluatorDeps): Promise<RunningEvaluator> {
  const { host, name } = options;
  const { clock, log } = deps;
  const parsed = await readPipelineFile(options.pipelineFile);
  if ("problems" in parsed) throw problemsError(parsed.problems);
  const { pipeline } = parsed;
  const metrics = createMetrics({ service: "evaluator", pipeline: pipeline.name, version: packageInfo().version });
  const graceSeconds = options.graceSeconds ?? GRACE_SECONDS;
  const lifecycle = createLifecycle({ name: "evaluator", clock, log, graceSeconds, forceSeconds: FORCE_SECONDS });
  let backplane: Backplane | undefined;
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
      ready: { data: () => (loaded ? undefined : "the held-out rows are being loaded") },
    });

    const { schema, table } = await loadHeldOut(parsed, options.pipelineFile, log);
    loaded = true;
    lifecycle.stopping.throwIfAborted();
    const connected = await deps.connect(pipeline);
    lifecycle.onCleanup("backplane", () => connected.close());
    backplane = connected;

    const maxModelBytes = options.maxModelBytes ?? DEFAULT_MAX_MODEL_BYTES;
    const evaluator = createEvaluator(
      {
        name,
        pipeline,
        retained: options.retained ?? 8,
        maxModelBytes,
        outputCacheBytes: options.outputCacheBytes ?? OUTPUT_CACHE_BYTES,
        modelCacheBytes: Math.max(2 * maxModelBytes, LEAST_MODEL_CACHE_BYTES),
      },
      {
        backplane: connected,
        schema,
        heldOut: table,
        load: loadSnapshotModel,
        clock,
        log,
        metrics,
        onLost: (error) => lifecycle.fail(error),
      },
    );
    lifecycle.onDrain("the announcement in hand", (force) => evaluator.stop(force));

    const server = createRpcServer({
      host,
      port: options.grpcPort,
      tls: options.tls,
      onCall: rpcMetrics(metrics),
      clock,
      log,
    });
    addEvaluatorService(server, serveEvaluator(evaluator, connected));
    lifecycle.onDrain("gRPC", () => server.stop(RPC_GRACE_SECONDS));
    grpcPort = await server.start();
    evaluator.start();
    log.info(
      { grpc: `${host}:${grpcPort}`, http: `${host}:${httpPort}`, evaluator: name },
      `evaluating pipeline ${pipeline.name}`,
    );
  });
  return { lifecycle, pipeline, grpcPort, httpPort, stop: () => lifecycle.stop() };
}
