import { join } from "node:path";
import type { Clock } from "../common/clock/clock.ts";
import type { UncoupleError } from "../common/errors.ts";
import type { ProcessTable } from "../common/files/folder-lock.ts";
import { createLoadModel } from "../composition/load-upstream.ts";
import type { PipelineGate } from "../composition/pipeline-gate.ts";
import type { PipelineView } from "../composition/pipeline-view.ts";
import type { DataSource } from "../data/source/data-source.ts";
import { openSpillSpace } from "../data/spill/spill-folder.ts";
import type { Inference } from "../inference/inference.ts";
import type { TrainingBackend } from "../learning/component/training-backend.ts";
import { componentNamed } from "../pipeline/dag.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { EngineChoice, TeamConfig } from "../pipeline/team.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { CoordinatorService } from "../rpc/services/coordinator-service.ts";
import type { TrainerService } from "../rpc/services/trainer-service.ts";
import type { TuningService } from "../rpc/services/tuning-service.ts";
import type { Logger } from "../runtime/logs.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { Tracer } from "../runtime/tracing/tracer.ts";
import type { UnitLimits } from "./coordinator/coordinator.ts";
import type { Engines } from "./engines.ts";
import { createExecuteRun } from "./runs/execute-run.ts";
import { createMeasureFit } from "./runs/measure-fit.ts";
import { createRunQueue } from "./runs/run-queue.ts";
import type { RunSlots } from "./runs/run-slots.ts";
import { createRunStore } from "./runs/run-store.ts";
import { createTestModel } from "./runs/test-model.ts";
import { createTrainedRows } from "./runs/trained-rows.ts";
import { createTrainingData } from "./runs/training-data.ts";
import { createStudies } from "./studies/create-studies.ts";
import { createStudyMetrics } from "./studies/study-metrics.ts";
import { createRunTracking, noRunTracking, type RunTrackingDeps } from "./tracking/run-tracking.ts";
import { createTrainerLifecycle } from "./trainer-lifecycle.ts";
import { createTrainerMetrics } from "./trainer-metrics.ts";
import { createTrainerService } from "./trainer-service.ts";
import { createTrainerState } from "./trainer-state.ts";
import { createTrainerWorkers } from "./trainer-workers.ts";
import { createTeamTriggers, type TeamTriggers } from "./triggers/team-triggers.ts";
import { upstreamLag } from "./upstream-lag.ts";

export interface TrainerConfig {
  readonly pipeline: Pipeline;
  readonly team: TeamConfig;
  /** Text of the team file. */
  readonly teamText: string;
  /** Folder of the team file. Module paths of team files in requests are relative to it. */
  readonly teamFolder: string;
  /** Root folder of state: runs, checkpoints and the lock are kept in `<stateDir>/<pipeline>/<component>`. */
  readonly stateDir: string;
  /** Overrides the engine of team files. */
  readonly engine?: EngineChoice;
  readonly codeVersion: string;
  /** Maximum number of queued runs. */
  readonly queueCapacity: number;
  /** Number of ended runs to keep, and of studies. */
  readonly retainedRuns: number;
  /** Time between checkpoints. */
  readonly checkpointSeconds: number;
  /** Bytes of training rows in memory; more are spilled into the state folder. */
  readonly tableBytes: number;
  /** As `CoordinatorDeps.limits`. */
  readonly unitLimits: UnitLimits;
  /** Whether training rows may stay in memory between runs. */
  readonly keepsRows: boolean;
  /** How long the registry may be unavailable before a run that needs it fails. */
  readonly unavailableSeconds: number;
  /** How long a run waits for a verdict on an upstream snapshot before it fails. */
  readonly waitForVerdictSeconds: number;
}

export interface TrainerDeps {
  readonly backplane: Backplane;
  /** Must be followed. */
  readonly gate: PipelineGate;
  readonly source: DataSource;
  /** Must be followed, with `Trainer.listeners`. */
  readonly view: PipelineView;
  readonly engines: Engines;
  readonly slots: RunSlots;
  readonly training: TrainingBackend;
  /** Runs snapshots of others; not closed here. */
  readonly inference: Inference;
  readonly processes: ProcessTable;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Defaults to none. */
  readonly tracer?: Tracer | undefined;
  /** Not closed here. Defaults to none. */
  readonly tracking?: Pick<RunTrackingDeps, "log" | "queue"> | undefined;
  /** Called when another process took the state folder: only a restart helps. */
  readonly onLost: (error: UncoupleError) => void;
}

/** Trains one component of a pipeline, as its team configures it. */
export interface Trainer {
  readonly service: TrainerService;
  /** For the workers that train for it. */
  readonly coordinator: CoordinatorService;
  readonly tuning: TuningService;
  /** To be called by the pipeline view. */
  readonly listeners: Omit<TeamTriggers, "run">;
  /**
   * Locks the state folder, loads the data, starts the engine, and resumes interrupted runs. May be called again after a
   * failure.
   * @throws UncoupleError `conflict` when another trainer uses the state folder; as `DataSource.trainingRows`;
   *   `failed-precondition` when the engine cannot start
   */
  start(): Promise<void>;
  /** Whether the trainer has started and accepts runs. */
  ready(): boolean;
  /** Why it is not ready; undefined if it is. */
  problem(): string | undefined;
  /**
   * Stops accepting runs and checkpoints the one in progress at its next step, to be resumed after a restart. Further
   * calls return the same promise.
   */
  stop(): Promise<void>;
}

const notReady = { starting: "loading the training rows", running: undefined, stopping: "stopping" } as const;

/** @throws UncoupleError `not-found` if the pipeline does not have the team's component */
export function createTrainer(config: TrainerConfig, deps: TrainerDeps): Trainer {
  const { pipeline, team, codeVersion, checkpointSeconds, unavailableSeconds, waitForVerdictSeconds } = config;
  const { backplane, gate, source, view, slots, processes, training, tracer, clock, log } = deps;
  const { registry } = backplane;
  const component = componentNamed(pipeline, team.component);
  const { name } = component;
  const holder = `${name} (process ${processes.pid} on ${processes.host})`;
  const folder = join(config.stateDir, pipeline.name, name);
  const state = createTrainerState(config.engine ?? team.engine);
  const store = createRunStore(folder, log);
  const data = createTrainingData(pipeline, name, {
    source,
    generations: backplane.generations,
    openSpace: () => openSpillSpace(join(folder, "spill"), config.tableBytes, processes),
    keepsRows: config.keepsRows,
    log,
  });
  const load = createLoadModel(pipeline, registry, deps.inference);
  const workers = createTrainerWorkers(
    { pipeline: pipeline.name, component: name, codeVersion, enabled: team.workers !== undefined },
    { clock, log, metrics: deps.metrics, limits: config.unitLimits },
  );
  const engines: Engines = {
    choose: (choice) => deps.engines.choose(config.engine ?? choice),
    open: (choice) => deps.engines.open(config.engine ?? choice),
  };
  const metrics = createTrainerMetrics(deps.metrics, {
    state: () => queue.active()?.run.state ?? "idle",
    queued: () => queue.queued(),
    lag: () => upstreamLag(component, view),
    ready: () => state.phase() === "running",
  });
  // Only teams with workers pay for dividing their trainings into units.
  const trains: TrainingBackend = {
    train: (one) => training.train(one.team.workers === undefined ? one : { ...one, units: workers.units }),
  };
  const studies = createStudies(
    { ...config, component: name, folder, retained: config.retainedRuns },
    {
      backplane,
      view,
      gate,
      data,
      load,
      inference: deps.inference,
      training: trains,
      engine: engines.open,
      slots,
      clock,
      log,
      onEnd: (state) => studyMetrics.ended(state),
      tracking: deps.tracking,
    },
  );
  const studyMetrics = createStudyMetrics(deps.metrics, studies.keeper);
  const tracking =
    deps.tracking === undefined
      ? noRunTracking
      : createRunTracking({
          ...deps.tracking,
          pipeline: pipeline.name,
          component: name,
          codeVersion,
          registry,
          clock,
        });
  const trainedRows = createTrainedRows(pipeline, name, {
    source,
    generations: backplane.generations,
    inference: deps.inference,
    load,
  });
  const execute = createExecuteRun(
    {
      pipeline,
      component: name,
      holder,
      cotrains: team.cotrain === true,
      codeVersion,
      checkpointSeconds,
      unavailableSeconds,
      waitForVerdictSeconds,
    },
    {
      backplane,
      view,
      gate,
      store,
      data,
      engine: engines.open,
      testModel: createTestModel(pipeline, name, trainedRows),
      measureFit: createMeasureFit(pipeline, name, trainedRows),
      slots,
      training: trains,
      waitingFor: workers.waitingFor,
      load,
      metrics,
      tracking,
      onEngine: state.engineStarted,
      tracer,
      clock,
      log,
    },
  );
  const queue = createRunQueue(
    { component: name, capacity: config.queueCapacity, retained: config.retainedRuns },
    {
      store,
      execute,
      tracer,
      clock,
      log,
      onRestored: tracking.restored,
      onEnd(stored) {
        metrics.ended(stored.run);
        tracking.ended(stored);
      },
    },
  );
  const triggers = createTeamTriggers({ pipeline, team, backplane, view, queue, store, clock, log });
  const { service, close } = createTrainerService({
    pipeline,
    team,
    teamFolder: config.teamFolder,
    codeVersion,
    registry,
    gate,
    retention: backplane.retention,
    queue,
    store,
    view,
    load,
    source,
    state,
    teamOfTrial: studies.teamOfTrial,
  });
  const lifecycle = createTrainerLifecycle({
    team,
    folder,
    data,
    engines,
    queue,
    studies: studies.keeper,
    triggers,
    workers,
    state,
    leases: backplane.leases,
    holder,
    processes,
    clock,
    log,
    onLost: deps.onLost,
    closeService: close,
  });
  return {
    service,
    coordinator: workers.service,
    tuning: studies.service,
    listeners: triggers,
    start: lifecycle.start,
    ready: () => state.phase() === "running",
    problem: () => state.problem() ?? notReady[state.phase()],
    stop: lifecycle.stop,
  };
}
