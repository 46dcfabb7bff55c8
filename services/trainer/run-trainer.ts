import { dirname, resolve } from "node:path";
import type { Clock } from "../common/clock/clock.ts";
import type { ProcessTable } from "../common/files/folder-lock.ts";
import { openPipelineData } from "../data/read-pipeline.ts";
import { createEngine } from "../engine/create-engine.ts";
import { createIsolatingBackend } from "../learning/isolation/isolating-backend.ts";
import type { HostProcess } from "../learning/isolation/model-process.ts";
import { loadSnapshotModel } from "../learning/snapshot/load-snapshot-model.ts";
import { formatProblem } from "../pipeline/files/problem.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { EngineChoice } from "../pipeline/team.ts";
import type { Backplane } from "../registry/backplane.ts";
import { createRpcServer } from "../rpc/server/server.ts";
import { addTrainerService } from "../rpc/server/trainer-server.ts";
import type { ServerTls } from "../rpc/tls.ts";
import { createLifecycle, type Lifecycle } from "../runtime/lifecycle.ts";
import type { Logger } from "../runtime/logs.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { packageInfo } from "../runtime/package-info.ts";
import { rpcMetrics } from "../runtime/rpc-metrics.ts";
import { serveServiceHealth } from "../runtime/service-health.ts";
import { createTrainer, type Trainer } from "./create-trainer.ts";
import { readTrainerFiles } from "./read-files.ts";

export interface RunTrainerOptions {
  /** Paths. */
  readonly pipelineFile: string;
  readonly teamFile: string;
  /** Where runs and checkpoints are kept, in a folder of the pipeline and the component. */
  readonly stateDir: string;
  readonly host: string;
  /** 0 takes a free one, here and below. */
  readonly grpcPort: number;
  /** Of `/metrics`, `/livez` and `/readyz`. */
  readonly httpPort: number;
  readonly tls?: ServerTls | undefined;
  /** Instead of what the team file says. */
  readonly engine?: EngineChoice | undefined;
  /** Runs that may wait; 8 if not given. */
  readonly queueCapacity?: number | undefined;
  /** Ended runs that are remembered; 100 if not given. */
  readonly retainedRuns?: number | undefined;
  /** Time between checkpoints; 5 if not given. */
  readonly checkpointSeconds?: number | undefined;
  /** How long the registry may be away before a run that needs it fails; 900 if not given. */
  readonly unavailableSeconds?: number | undefined;
  /** How long a stop waits for a checkpoint and for calls in progress; 20 if not given. */
  readonly graceSeconds?: number | undefined;
}

export interface RunTrainerDeps {
  /** Connects to the backplane of the pipeline; the trainer closes it. */
  connect(pipeline: Pipeline): Promise<Backplane>;
  readonly processes: ProcessTable;
  /** Starts the processes of users' model modules. */
  readonly hostProcess: HostProcess;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A trainer service that has started. */
export interface RunningTrainer {
  readonly lifecycle: Lifecycle;
  readonly pipeline: Pipeline;
  readonly component: string;
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Checkpoints the run in progress, drains gRPC, closes everything. Calling again gives the same promise. */
  stop(): Promise<void>;
}

const GRACE_SECONDS = 20;
/** How long what was told to end at once may take. */
const FORCE_SECONDS = 5;
const RPC_GRACE_SECONDS = 5;

/** The longest that a stop takes, for whoever stands behind it with a forced exit. */
export function longestStopSeconds(options: Pick<RunTrainerOptions, "graceSeconds">): number {
  return (options.graceSeconds ?? GRACE_SECONDS) + 5 * FORCE_SECONDS;
}

/**
 * The trainer as a service: health over HTTP from the first moment on, then the backplane, gRPC (where it says that it
 * is starting), the data, the engine, and the runs that its last life left.
 *
 * @throws UncoupleError as `readTrainerFiles`, `openPipelineData`, `connect` and `Trainer.start`; `failed-precondition`
 *   when a port cannot be listened on. What was opened before is closed again.
 */
export async function runTrainer(options: RunTrainerOptions, deps: RunTrainerDeps): Promise<RunningTrainer> {
  const { host } = options;
  const { clock, log } = deps;
  const files = await readTrainerFiles(options.pipelineFile, options.teamFile);
  const { pipeline } = files.pipeline;
  const { team } = files.team;
  for (const problem of files.team.deprecations) log.warn(formatProblem(problem));
  const { version } = packageInfo();
  const metrics = createMetrics({ service: "trainer", pipeline: pipeline.name, component: team.component, version });
  const graceSeconds = options.graceSeconds ?? GRACE_SECONDS;
  const lifecycle = createLifecycle({ name: "trainer", clock, log, graceSeconds, forceSeconds: FORCE_SECONDS });
  let backplane: Backplane | undefined;
  let trainer: Trainer | undefined;
  let grpcPort = 0;
  let httpPort = 0;

  await lifecycle.start(async () => {
    httpPort = await serveServiceHealth({
      host,
      port: options.httpPort,
      metrics,
      lifecycle,
      service: "trainer",
      nats: () => backplane?.connection() ?? "connecting",
      ready: { data: () => (trainer?.ready() === true ? undefined : "the training rows are being loaded") },
    });

    const { source } = await openPipelineData(files.pipeline, options.pipelineFile);
    lifecycle.onCleanup("data", () => source.close());
    lifecycle.stopping.throwIfAborted();
    const connected = await deps.connect(pipeline);
    lifecycle.onCleanup("backplane", () => connected.close());
    backplane = connected;
    lifecycle.stopping.throwIfAborted();

    const made = createTrainer(
      {
        pipeline,
        team,
        teamFolder: dirname(resolve(options.teamFile)),
        stateDir: options.stateDir,
        ...(options.engine !== undefined && { engine: options.engine }),
        codeVersion: version,
        queueCapacity: options.queueCapacity ?? 8,
        retainedRuns: options.retainedRuns ?? 100,
        checkpointSeconds: options.checkpointSeconds ?? 5,
        unavailableSeconds: options.unavailableSeconds ?? 900,
      },
      {
        backplane: connected,
        source,
        createEngine: (choice) => createEngine(choice, { clock, log: (line) => log.info(line) }),
        training: createIsolatingBackend(deps.hostProcess, { clock }),
        load: loadSnapshotModel,
        processes: deps.processes,
        clock,
        log,
        metrics,
        onLost: (error) => lifecycle.fail(error),
      },
    );
    trainer = made;
    lifecycle.onDrain("the run in progress", () => made.stop());

    const server = createRpcServer({
      host,
      port: options.grpcPort,
      tls: options.tls,
      onCall: rpcMetrics(metrics),
      clock,
      log,
    });
    addTrainerService(server, made.service);
    server.setServing(false);
    lifecycle.onDrain("gRPC", () => server.stop(RPC_GRACE_SECONDS));
    grpcPort = await server.start();
    await made.start();
    server.setServing(true);
    log.info(
      { grpc: `${host}:${grpcPort}`, http: `${host}:${httpPort}` },
      `training ${team.component} of pipeline ${pipeline.name}`,
    );
  });
  return { lifecycle, pipeline, component: team.component, grpcPort, httpPort, stop: () => lifecycle.stop() };
}
