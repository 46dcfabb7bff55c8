import type { Clock } from "../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import { type FolderLock, lockFolder, type ProcessTable } from "../common/files/folder-lock.ts";
import type { TeamConfig } from "../pipeline/team.ts";
import type { Logger } from "../runtime/logs.ts";
import type { Engines } from "./engines.ts";
import type { RunQueue } from "./runs/run-queue.ts";
import type { TrainingData } from "./runs/training-data.ts";
import { guardState, type StateGuardDeps } from "./state-guard.ts";
import type { StudyKeeper } from "./studies/study-keeper.ts";
import type { MutableTrainerState } from "./trainer-state.ts";
import type { TrainerWorkers } from "./trainer-workers.ts";
import type { TeamTriggers } from "./triggers/team-triggers.ts";

export interface TrainerLifecycleDeps {
  readonly team: TeamConfig;
  /** The state folder, locked by one process at a time. */
  readonly folder: string;
  readonly data: TrainingData;
  readonly engines: Engines;
  readonly queue: Pick<RunQueue, "start" | "stop">;
  readonly studies: Pick<StudyKeeper, "start" | "stop">;
  readonly triggers: Pick<TeamTriggers, "run">;
  readonly workers: Pick<TrainerWorkers, "start" | "close">;
  readonly state: MutableTrainerState;
  readonly leases: StateGuardDeps["leases"];
  /** Names this trainer as the holder of leases. */
  readonly holder: string;
  readonly processes: ProcessTable;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called if another process takes the state folder: this one must end. */
  onLost(error: UncoupleError): void;
  /** Closes what the service holds, after the last run. */
  closeService(): Promise<void>;
}

/** Starts and stops the parts of a trainer in order. */
export interface TrainerLifecycle {
  /** As `Trainer.start`. */
  start(): Promise<void>;
  /** As `Trainer.stop`. */
  stop(): Promise<void>;
}

export function createTrainerLifecycle(deps: TrainerLifecycleDeps): TrainerLifecycle {
  const { team, folder, queue, triggers, state, log } = deps;
  const { component } = team;
  const stopping = new AbortController();
  const { signal } = stopping;
  let lock: FolderLock | undefined;
  let following: readonly Promise<void>[] = [];
  let started: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  function loseFolder(thrown: unknown): void {
    if (signal.aborted) return;
    const error = asUncoupleError(thrown);
    state.failed(error.message);
    deps.onLost(error);
  }

  async function begin(): Promise<void> {
    const held = await lockFolder(folder, deps);
    lock = held;
    held.lost.addEventListener("abort", () => {
      if (lock === held) loseFolder(held.lost.reason);
    });
    signal.throwIfAborted();
    await deps.data.check(signal, team.sample);
    const engine = await deps.engines.choose(team.engine);
    state.engineStarted(engine.name);
    signal.throwIfAborted();
    deps.workers.start(held.number);
    await queue.start();
    await deps.studies.start();
    signal.throwIfAborted();
    state.enter("running");
    following = [triggers.run(signal), guardState(folder, { ...deps, component }, signal).catch(loseFolder)];
    log.info({ engine: engine.name, folder }, `the trainer of ${component} is ready`);
  }

  async function attempt(): Promise<void> {
    try {
      await begin();
    } catch (thrown) {
      if (!signal.aborted) {
        state.failed(asUncoupleError(thrown).message);
        await lock?.release();
        lock = undefined;
      }
      throw thrown;
    }
  }

  async function shutDown(): Promise<void> {
    state.enter("stopping");
    stopping.abort(new UncoupleError("cancelled", `the trainer of ${component} is stopping`));
    await started?.catch(() => {});
    await Promise.all([queue.stop(), deps.studies.stop()]);
    await deps.workers.close();
    await Promise.all(following);
    await deps.closeService();
    await lock?.release();
  }

  return {
    start() {
      started = attempt();
      return started;
    },
    stop() {
      stopped ??= shutDown();
      return stopped;
    },
  };
}
