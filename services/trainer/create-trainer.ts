import { join } from "node:path";
import { raceAbort } from "../common/async/race-abort.ts";
import type { Clock } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import { type FolderLock, lockFolder, type ProcessTable } from "../common/files/folder-lock.ts";
import { createAnnouncementView } from "../composition/announcement-view.ts";
import { createLoadModel } from "../composition/load-upstream.ts";
import type { DataSource } from "../data/source/data-source.ts";
import type { Engine } from "../engine/interface/engine.ts";
import { warmUp } from "../engine/warm-up.ts";
import type { TrainingBackend } from "../learning/component/training-backend.ts";
import { findProtocol } from "../learning/protocols/all.ts";
import type { SnapshotContract, SnapshotModel } from "../learning/snapshot/snapshot-model.ts";
import { componentNamed } from "../pipeline/dag.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { EngineChoice, TeamConfig } from "../pipeline/team.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { TrainerService } from "../rpc/services/trainer-service.ts";
import type { Logger } from "../runtime/logs.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { createExecuteRun } from "./runs/execute-run.ts";
import { createRunQueue } from "./runs/run-queue.ts";
import { createRunStore } from "./runs/run-store.ts";
import { createTrainingData } from "./runs/training-data.ts";
import { createTrainerMetrics } from "./trainer-metrics.ts";
import { createTrainerService, type TrainerParts } from "./trainer-service.ts";
import { triggerAtIntervals } from "./triggers/interval-trigger.ts";
import { createUpstreamTrigger } from "./triggers/upstream-trigger.ts";

export interface TrainerConfig {
  readonly pipeline: Pipeline;
  readonly team: TeamConfig;
  /** Folder of the team file, which the modules of team files that come with requests are relative to, and must be in. */
  readonly teamFolder: string;
  /** Runs, checkpoints and the lock are in `<stateDir>/<pipeline>/<component>`. */
  readonly stateDir: string;
  /** Instead of what team files say. */
  readonly engine?: EngineChoice;
  readonly codeVersion: string;
  /** Runs that may wait. */
  readonly queueCapacity: number;
  /** Ended runs that are remembered. */
  readonly retainedRuns: number;
  readonly checkpointSeconds: number;
  /** How long the registry may be away before a run that needs it fails. */
  readonly unavailableSeconds: number;
}

export interface TrainerDeps {
  readonly backplane: Backplane;
  readonly source: DataSource;
  readonly createEngine: (choice: EngineChoice) => Promise<Engine>;
  readonly training: TrainingBackend;
  readonly load: (bytes: Uint8Array, contract: SnapshotContract) => Promise<SnapshotModel>;
  readonly processes: ProcessTable;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Told when the store that everything is in was replaced, as a server does that comes back empty: only a restart helps. */
  readonly onLost: (error: UncoupleError) => void;
}

/** Trains one component of a pipeline, as its team decides. */
export interface Trainer {
  readonly service: TrainerService;
  /**
   * Locks the state folder, loads the data, starts the engine, goes on with interrupted runs.
   * @throws UncoupleError `conflict` when another trainer uses the state folder; as `DataSource.trainingRows`;
   *   `failed-precondition` when the engine cannot start
   */
  start(): Promise<void>;
  /** Whether the data is loaded. */
  ready(): boolean;
  /**
   * Takes no more runs, checkpoints the one in progress at its next step, and leaves it for the next life. Calling again
   * gives the same promise.
   */
  stop(): Promise<void>;
}

/** @throws UncoupleError `not-found` for a team of a component that the pipeline does not have */
export function createTrainer(config: TrainerConfig, deps: TrainerDeps): Trainer {
  const { pipeline, team } = config;
  const { backplane, clock, log } = deps;
  const component = componentNamed(pipeline, team.component);
  const folder = join(config.stateDir, pipeline.name, component.name);
  const stopping = new AbortController();
  const store = createRunStore(folder, log);
  const data = createTrainingData(deps.source, pipeline, component.name, log);
  const load = createLoadModel(pipeline, backplane.registry, deps.load);
  const engines = new Map<EngineChoice, Promise<Engine>>();
  const following: Promise<void>[] = [];
  let lock: FolderLock | undefined;
  let started: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  function engineOf(asked: EngineChoice): Promise<Engine> {
    const choice = config.engine ?? asked;
    const known = engines.get(choice);
    if (known !== undefined) return known;
    const engine = deps.createEngine(choice).catch((thrown: unknown) => {
      engines.delete(choice);
      throw thrown;
    });
    engines.set(choice, engine);
    return engine;
  }

  const metrics = createTrainerMetrics(deps.metrics, {
    state: () => queue.active()?.run.state ?? "idle",
    queued: () => queue.queued(),
    lag: () => {
      const own = view.newest(component.name);
      const lags = component.upstream.map((name) => {
        const behind = (view.newest(name)?.serial ?? 0) - (own?.upstream[name] ?? 0);
        return [name, Math.max(0, behind)] as const;
      });
      return Object.fromEntries(lags);
    },
  });
  const execute = createExecuteRun(
    {
      pipeline,
      component: component.name,
      holder: `${component.name} (process ${deps.processes.pid} on ${deps.processes.host})`,
      codeVersion: config.codeVersion,
      checkpointSeconds: config.checkpointSeconds,
      unavailableSeconds: config.unavailableSeconds,
    },
    { backplane, store, data, engine: engineOf, training: deps.training, load, metrics, clock, log },
  );
  const queue = createRunQueue(
    { component: component.name, capacity: config.queueCapacity, retained: config.retainedRuns },
    { store, execute, clock, log, onEnd: metrics.ended },
  );
  const trigger = createUpstreamTrigger({ pipeline, team, backplane, queue, store, clock, log });
  const followsUpstream = team.train.when === "on-upstream" || findProtocol(team.protocol.name).coordinated;
  let firstRun: string | undefined;
  const view = createAnnouncementView({
    registry: backplane.registry,
    clock,
    onTrouble(what, error) {
      if (error.code === "data-loss") deps.onLost(error);
      else log.warn({ error }, `${what}: ${error.message}; trying again`);
    },
    onAnnouncement({ position, manifest }) {
      firstRun ??= manifest.runId;
      if (!followsUpstream || !component.upstream.includes(manifest.component)) return;
      trigger.announced({ store: firstRun, position });
    },
  });

  const parts: TrainerParts = {
    pipeline,
    team,
    teamFolder: config.teamFolder,
    component,
    registry: backplane.registry,
    queue,
    view,
    load,
    schema: () => deps.source.schema(),
    state: "starting",
    engine: config.engine ?? team.engine,
  };
  const { service, close } = createTrainerService(parts);

  async function begin(): Promise<void> {
    lock = await lockFolder(folder, deps);
    stopping.signal.throwIfAborted();
    await raceAbort(data.load(), stopping.signal);
    const engine = await engineOf(team.engine);
    parts.engine = engine.name;
    await warmUp(engine);
    stopping.signal.throwIfAborted();
    await queue.start();
    parts.state = "started";
    const { signal } = stopping;
    following.push(view.follow(signal));
    if (followsUpstream) following.push(trigger.run(signal));
    if (team.train.when === "interval") {
      following.push(triggerAtIntervals(team.train.seconds, { team, queue, clock, log }, signal));
    }
    log.info({ engine: parts.engine, folder }, `the trainer of ${component.name} is ready`);
  }

  async function shutDown(): Promise<void> {
    parts.state = "stopping";
    stopping.abort(new UncoupleError("cancelled", `the trainer of ${component.name} is stopping`));
    await started?.catch(() => {});
    await queue.stop();
    await Promise.all(following);
    await close();
    await lock?.release();
  }

  return {
    service,
    start() {
      started ??= begin();
      return started;
    },
    ready: () => parts.state === "started",
    stop() {
      stopped ??= shutDown();
      return stopped;
    },
  };
}
