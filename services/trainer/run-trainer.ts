import { dirname } from "node:path";
import { availableCpus } from "../common/available-cpus.ts";
import type { Clock } from "../common/clock/clock.ts";
import type { UncoupleError } from "../common/errors.ts";
import type { ProcessTable } from "../common/files/folder-lock.ts";
import { DEFAULT_MEMORY_LIMIT, divideMemory } from "../common/memory-budget.ts";
import { createPipelineGate, type PipelineGate } from "../composition/pipeline-gate.ts";
import { createPipelineView } from "../composition/pipeline-view.ts";
import type { DataAccess } from "../data/source/data-access.ts";
import { createInference, DEFAULT_INFERENCE, type InferenceSettings } from "../inference/client/create-inference.ts";
import type { HostConnector } from "../inference/connect/host-connector.ts";
import { DEATH_CAUSES } from "../inference/inference.ts";
import { createIsolatingBackend } from "../learning/isolation/isolating-backend.ts";
import type { HostProcess } from "../learning/isolation/model-process.ts";
import { formatProblem } from "../pipeline/files/problem.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { contentOf, digestOf } from "../pipeline/pipeline-content.ts";
import type { EngineChoice } from "../pipeline/team.ts";
import type { Backplane } from "../registry/backplane.ts";
import { refuseSharedCycles } from "../registry/sharing.ts";
import { addCoordinatorService } from "../rpc/server/coordinator-server.ts";
import { createRpcServer } from "../rpc/server/server.ts";
import { addTrainerService } from "../rpc/server/trainer-server.ts";
import { addTuningService } from "../rpc/server/tuning-server.ts";
import { hosting } from "../rpc/services/hosting.ts";
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
import { openTracking } from "../tracking/open-tracking.ts";
import type { TrackingTarget } from "../tracking/tracking-target.ts";
import { createTrainer, type Trainer } from "./create-trainer.ts";
import { createEngines } from "./engines.ts";
import { hostTeams, type TeamHost } from "./host-teams.ts";
import { openTeamData } from "./open-team-data.ts";
import { readTrainerFiles } from "./read-files.ts";
import { createRunSlots } from "./runs/run-slots.ts";

export interface RunTrainerOptions {
  /** Path of the pipeline file. */
  readonly pipelineFile: string;
  /** Paths of the team files, at least one, each of another component. */
  readonly teamFiles: readonly string[];
  /** Root folder of runs and checkpoints, with a subfolder per pipeline and component. */
  readonly stateDir: string;
  readonly host: string;
  /** 0 picks a free port, here and below. */
  readonly grpcPort: number;
  /** Port of `/metrics`, `/livez` and `/readyz`. */
  readonly httpPort: number;
  readonly tls?: ServerTls | undefined;
  /** Overrides the team file's engine. */
  readonly engine?: EngineChoice | undefined;
  /** Maximum number of runs that train at a time; defaults to the available processors. */
  readonly parallel?: number | undefined;
  /** Maximum number of queued runs of a component; defaults to 8. */
  readonly queueCapacity?: number | undefined;
  /** Number of ended runs of a component to keep; defaults to 100. */
  readonly retainedRuns?: number | undefined;
  /** Time between checkpoints; defaults to 5. */
  readonly checkpointSeconds?: number | undefined;
  /** How long the registry may be unavailable before a run that needs it fails; defaults to 900. */
  readonly unavailableSeconds?: number | undefined;
  /** How long a run waits for a verdict on an upstream snapshot before it fails; defaults to 900. */
  readonly waitForVerdictSeconds?: number | undefined;
  /** How long a stop waits for a checkpoint and for calls in progress; defaults to 20. */
  readonly graceSeconds?: number | undefined;
  /** Most bytes of memory, with those of the engines and hosts; defaults to 2 GiB. */
  readonly memoryLimit?: number | undefined;
  /** What differs from `DEFAULT_INFERENCE`. */
  readonly inference?: Partial<InferenceSettings> | undefined;
  /** Where runs are logged; defaults to nowhere. */
  readonly tracking?: TrackingTarget | undefined;
}

export interface RunTrainerDeps {
  /** Connects to the pipeline's backplane, which the trainer closes; may wait for it. */
  connect(pipeline: Pipeline, wait: StartupWait): Promise<Backplane>;
  /** The certificates (PEM) of the connection to NATS as they are now, by their names in metrics. */
  readonly natsCertificates?: (() => Readonly<Record<string, Buffer | undefined>>) | undefined;
  readonly processes: ProcessTable;
  /** Starts the processes that run users' model modules. */
  readonly hostProcess: HostProcess;
  /** Starts the hosts that run models from the store. */
  readonly hosts: HostConnector;
  /** What rows on other machines are read with; without it, only local files are. */
  readonly data?: DataAccess | undefined;
  /** Defaults to none. */
  readonly tracer?: Tracer | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A running trainer service. */
export interface RunningTrainer {
  readonly lifecycle: Lifecycle;
  readonly pipeline: Pipeline;
  /** In the order of the team files. */
  readonly components: readonly string[];
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Checkpoints the runs in progress, drains gRPC, closes everything. Further calls return the same promise. */
  stop(): Promise<void>;
}

const GRACE_SECONDS = 20;
/** How long work may take to end once it has been aborted. */
const FORCE_SECONDS = 5;
const RPC_GRACE_SECONDS = 5;

/** Upper bound on the duration of a stop, for the caller's forced-exit timer. */
export function longestStopSeconds(options: Pick<RunTrainerOptions, "graceSeconds">): number {
  return (options.graceSeconds ?? GRACE_SECONDS) + 6 * FORCE_SECONDS;
}

/**
 * Runs the trainers of one or several components as a service: with one connection, one view of the pipeline and one engine,
 * and a failure domain for each component (`host-teams.ts`). Serves health over HTTP first, then connects to the backplane,
 * serves gRPC (reporting `starting`), loads the data, starts the engine, and resumes interrupted runs.
 *
 * @throws UncoupleError as `readTrainerFiles`, `openTeamData`, `connect` and `Trainer.start`; `failed-precondition`
 *   for a port that cannot be bound. Everything opened before the error is closed.
 */
export async function runTrainer(options: RunTrainerOptions, deps: RunTrainerDeps): Promise<RunningTrainer> {
  const { host } = options;
  const { clock, log } = deps;
  const parallel = options.parallel ?? availableCpus();
  const { teams, ...files } = await readTrainerFiles(options.pipelineFile, options.teamFiles);
  const { pipeline } = files.pipeline;
  const components = teams.map(({ team }) => team.component);
  // The runs of a component follow each other.
  const runs = Math.min(parallel, teams.length);
  const memory = divideMemory(options.memoryLimit ?? DEFAULT_MEMORY_LIMIT, runs);
  const units = Math.min(availableCpus(), memory.units);
  const [only, another] = components;
  for (const problem of teams.flatMap(({ deprecations }) => deprecations)) log.warn(formatProblem(problem));
  const { version } = packageInfo();
  const metrics = createMetrics({
    service: "trainer",
    pipeline: pipeline.name,
    pipelineDigest: digestOf(contentOf(pipeline)),
    component: another === undefined ? only : undefined,
    version,
  });
  exportCertificateExpiry(metrics, clock, () => ({
    grpc: options.tls?.certificate,
    "grpc-client-ca": options.tls?.clientCa,
    ...deps.natsCertificates?.(),
  }));
  const graceSeconds = options.graceSeconds ?? GRACE_SECONDS;
  const lifecycle = createLifecycle({ name: "trainer", clock, log, graceSeconds, forceSeconds: FORCE_SECONDS });
  let backplane: Backplane | undefined;
  let waitingFor: string | undefined;
  let gate: PipelineGate | undefined;
  let teamHost: TeamHost | undefined;
  const trainers = new Map<string, Trainer>();
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
      ready: {
        backplane: () => (backplane === undefined ? waitingFor : undefined),
        data: () => (teamHost?.started() === true ? undefined : "loading the training rows"),
        "pipeline file": () => gate?.refusal(),
      },
      parts: Object.fromEntries(components.map((component) => [component, () => teamHost?.checks[component]?.()])),
    });

    const sources = await openTeamData(
      { pipeline: files.pipeline, teams },
      options.pipelineFile,
      deps.data,
      memory.databaseBytes,
    );
    lifecycle.onCleanup("data", () => sources.close());
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
    lifecycle.stopping.throwIfAborted();
    const onLost = (error: UncoupleError) => lifecycle.fail(error);
    const opened = createPipelineGate(pipeline, options.pipelineFile, {
      pipelines: connected.pipelines,
      clock,
      onError: createFailureReporter(log, onLost),
    });
    await opened.confirm();
    gate = opened;
    await refuseSharedCycles(pipeline, connected.neighbor);

    const inference = createInference(
      { ...DEFAULT_INFERENCE, memoryBytes: memory.hostBytes, ...options.inference },
      {
        connector: deps.hosts,
        clock,
        ...inferenceMetrics(metrics, DEATH_CAUSES, () => ({ ...inference.heldBytes() })),
      },
    );
    lifecycle.onCleanup("inference hosts", () => inference.close());

    const tracking = openTracking(options.tracking, pipeline.name, { clock, log, metrics });
    lifecycle.onCleanup("tracking", () => tracking?.queue.close());

    const toAll = (tell: (listeners: Trainer["listeners"]) => void) => {
      for (const { listeners } of trainers.values()) tell(listeners);
    };
    const view = createPipelineView({
      backplane: connected,
      clock,
      onError: createFailureReporter(log, onLost),
      onAnnouncement: (announcement) => toAll(({ onAnnouncement }) => onAnnouncement(announcement)),
      onVerdict: (verdict) => toAll(({ onVerdict }) => onVerdict(verdict)),
      onAliasChange: (change) => toAll(({ onAliasChange }) => onAliasChange(change)),
      onLedgerEntry: (entry) => toAll(({ onLedgerEntry }) => onLedgerEntry(entry)),
    });
    const shared = {
      backplane: connected,
      view,
      gate: opened,
      engines: createEngines({ clock, log: (line) => log.info(line) }),
      slots: createRunSlots(parallel),
      training: createIsolatingBackend(deps.hostProcess, { clock }),
      inference,
      processes: deps.processes,
      clock,
      tracer: deps.tracer,
      tracking,
    };
    for (const { team, path, text } of teams) {
      const { component } = team;
      const created = createTrainer(
        {
          pipeline,
          team,
          teamText: text,
          teamFolder: dirname(path),
          stateDir: options.stateDir,
          ...(options.engine !== undefined && { engine: options.engine }),
          codeVersion: version,
          queueCapacity: options.queueCapacity ?? 8,
          retainedRuns: options.retainedRuns ?? 100,
          // Each unit has a copy of the rows in its engine.
          tableBytes: memory.tableBytes / (team.workers === undefined ? 1 : units),
          unitLimits: { units, idleBytes: memory.idleBytes / runs },
          // Each team has a share of its own.
          keepsRows: teams.length <= parallel,
          checkpointSeconds: options.checkpointSeconds ?? 5,
          unavailableSeconds: options.unavailableSeconds ?? 900,
          waitForVerdictSeconds: options.waitForVerdictSeconds ?? 900,
        },
        {
          ...shared,
          source: sources.of(component),
          log: log.child({ component }),
          metrics: metrics.ofComponent(component),
          onLost: (error) => made.lose(component, error),
        },
      );
      trainers.set(component, created);
    }
    const made = hostTeams(trainers, { clock, log, onChange: () => tellHealth(), onLost });
    teamHost = made;
    lifecycle.onDrain("the runs in progress", () => made.stop());

    const server = createRpcServer({
      host,
      port: options.grpcPort,
      tls: options.tls,
      onCall: rpcMetrics(metrics),
      clock,
      log,
    });
    addTrainerService(server, hosting(servicesOf(trainers, ({ service }) => service)));
    addCoordinatorService(server, hosting(servicesOf(trainers, ({ coordinator }) => coordinator)).of);
    addTuningService(server, hosting(servicesOf(trainers, ({ tuning }) => tuning)).of);
    const tellHealth = () => {
      const refusal = opened.refusal();
      server.setServing(made.started() && made.ready() && refusal === undefined);
      if (refusal !== undefined) log.warn(`not ready: ${refusal}`);
    };
    tellHealth();
    const following = [opened.follow(lifecycle.stopping, tellHealth), view.follow(lifecycle.stopping)];
    lifecycle.onDrain("following the pipeline", () => Promise.all(following).then(() => {}));
    lifecycle.onDrain("gRPC", () => server.stop(RPC_GRACE_SECONDS));
    grpcPort = await server.start();
    await made.start();
    log.info(
      { grpc: `${host}:${grpcPort}`, http: `${host}:${httpPort}` },
      `training ${components.join(", ")} of pipeline ${pipeline.name}`,
    );
  });
  return { lifecycle, pipeline, components, grpcPort, httpPort, stop: () => lifecycle.stop() };
}

function servicesOf<S>(trainers: ReadonlyMap<string, Trainer>, select: (trainer: Trainer) => S): Map<string, S> {
  return new Map([...trainers].map(([component, trainer]) => [component, select(trainer)]));
}
