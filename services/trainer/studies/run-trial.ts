import { yieldToEventLoop } from "../../common/async/yield.ts";
import { type Clock, secondsSince } from "../../common/clock/clock.ts";
import { asUncoupleError, isTransient, UncoupleError } from "../../common/errors.ts";
import { withDerivedFiles } from "../../data/spill/derived-files.ts";
import type { StoredTable } from "../../data/spill/stored-table.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import type { TrainingBackend } from "../../learning/component/training-backend.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Trial, TrialState } from "../../pipeline/study.ts";
import type { EngineChoice, TeamConfig } from "../../pipeline/team.ts";
import type { Logger } from "../../runtime/logs.ts";
import { createCheckpointing } from "../checkpoints/checkpointing.ts";
import type { RunSlots } from "../runs/run-slots.ts";
import type { ConfigureTrial } from "./configure-trial.ts";
import type { StudyEntry } from "./study-entry.ts";
import type { StudyMaterial } from "./study-material.ts";
import type { StudyStore } from "./study-store.ts";
import type { EarlyEnd, TrialDecisions } from "./trial-decision.ts";

/**
 * Deaths of the trainer during a trial, without a checkpoint or measurement in between, after which the study fails, so that
 * it does not block the trainer. After the first death, an attempt has a checkpoint as soon as it has done a step. The trial
 * itself does not fail: deaths must not change what a study finds.
 */
const MAX_DEATHS = 10;
/** Longest time between checkpoints of a trial during which the trainer has died. */
const CAREFUL_SECONDS = 1;
/** A trial on workers has at most this many units, so that it can be resumed there. */
const MOST_UNITS = 10;

export interface RunTrialDeps {
  readonly pipeline: Pipeline;
  readonly configure: ConfigureTrial;
  readonly training: TrainingBackend;
  readonly engine: (choice: EngineChoice) => Promise<Engine>;
  /** Shared with runs, and by the components of the process. */
  readonly slots: RunSlots;
  readonly store: Pick<StudyStore, "saveCheckpoint" | "loadCheckpoint" | "removeCheckpoints">;
  /** Time between checkpoints. */
  readonly checkpointSeconds: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called for each trial that has ended. */
  onEnd(state: TrialState): void;
}

export interface TrialSignals {
  /** Aborts when the study or the trainer stops: the trial waits, to be resumed from its checkpoint. */
  readonly interrupted: AbortSignal;
  /** Aborts when its client ends it. */
  readonly ended: AbortSignal;
}

/**
 * Trains and measures a trial, from its checkpoint if there is one, and records how it ends.
 * @throws UncoupleError `unavailable` if the trial cannot be run now, `failed-precondition` if the trainer died ten times in a
 *   row during it: it waits; the reason of `interrupted`
 */
export type RunTrial = (
  entry: StudyEntry,
  number: number,
  material: StudyMaterial,
  decisions: TrialDecisions,
  signals: TrialSignals,
) => Promise<void>;

export function createRunTrial(deps: RunTrialDeps): RunTrial {
  const { pipeline, store, clock, log } = deps;

  return async (entry, number, material, decisions, { interrupted, ended }) => {
    const fields = { study: entry.id, trial: number };
    const signal = AbortSignal.any([interrupted, ended]);
    const { attempts, trial: before } = entry.trial(number);
    let started: number | undefined;
    const seconds = () => before.seconds + (started === undefined ? 0 : secondsSince(clock, started));

    /** Records what outlives a death. Deaths in a row are those between two of these, of whatever trial. */
    async function progressed(change: Partial<Trial>): Promise<void> {
      await entry.recordTrial(number, change, { attempts: 0 });
      const others = entry.trials().filter((one) => one.attempts > 0 && one.trial.trial !== number);
      for (const { trial } of others) await entry.recordTrial(trial.trial, {}, { attempts: 0 });
    }

    async function end(state: TrialState, change: Partial<Trial>): Promise<void> {
      await progressed({ ...change, state, seconds: seconds() });
      await store.removeCheckpoints(entry.id, number);
      const { value, steps } = entry.trial(number).trial;
      log.info({ ...fields, state, value, steps }, `trial ${number} of study ${entry.id}: ${state}`);
      deps.onEnd(state);
    }

    if (attempts >= MAX_DEATHS) {
      await entry.recordTrial(number, { state: "waiting" }, { attempts: 0 });
      throw new UncoupleError(
        "failed-precondition",
        `the trainer died ${attempts} times in a row during trial ${number}, each time before any trial had done a step; see its log and its memory limit, then go on with the study`,
      );
    }
    try {
      const team = teamOf(deps.configure(entry.stored().study.teamFile, before.parameters));
      // Asked for before anything is awaited, so that trials get slots in order: one that has a slot may wait for those before
      // it, which would never end without one. What workers compute takes no slot of this process.
      const slot = team.workers === undefined ? await deps.slots.acquire(signal, async () => {}) : undefined;
      try {
        await entry.recordTrial(number, { planned: lastStep(team) });
        started = clock.elapsed();
        await entry.recordTrial(number, { state: "running" }, { attempts: attempts + 1 });
        // What a trial derives from spilled rows is of no use to the next one.
        await end(...(await withDerivedFiles(material.data.training.table, (table) => train(team, table))));
      } finally {
        slot?.release();
      }
    } catch (thrown) {
      if (interrupted.aborted || isTransient(asUncoupleError(thrown))) {
        await entry.recordTrial(number, { state: "waiting", seconds: seconds() }, { attempts });
        throw thrown;
      }
      if (ended.aborted) return end("pruned", lastMeasured(entry.trial(number).trial));
      const { code, message } = asUncoupleError(thrown);
      await end("failed", { error: { code, message } });
    }

    async function train(team: TeamConfig, table: StoredTable): Promise<readonly [TrialState, Partial<Trial>]> {
      const { data, models } = material;
      const resume = await store.loadCheckpoint(entry.id, number);
      const { numerics } = entry.trial(number);
      if (resume !== undefined) {
        log.info(
          { ...fields, step: resume.step },
          `trial ${number} of study ${entry.id} resumes at step ${resume.step}`,
        );
      }
      const checkpointing = createCheckpointing({
        run: `${entry.id}/${number}`,
        seconds: attempts > 0 ? Math.min(CAREFUL_SECONDS, deps.checkpointSeconds) : deps.checkpointSeconds,
        store: {
          async saveCheckpoint(_, checkpoint) {
            await store.saveCheckpoint(entry.id, number, checkpoint);
            await progressed({ seconds: seconds() });
          },
        },
        clock,
        log,
        onWritten() {},
      });
      const previous = await models.previous(pipeline, team);
      let early: EarlyEnd | undefined;
      try {
        const trained = await deps.training.train({
          pipeline,
          team,
          table,
          upstream: await models.upstream(),
          ...(previous !== undefined && { previous }),
          ...(data.oracle !== undefined && { oracle: data.oracle }),
          ...(data.audit !== undefined && { audit: data.audit.table }),
          engine: await deps.engine(team.engine),
          ...(resume !== undefined && { resume }),
          ...(resume !== undefined && numerics !== null && { begun: numerics }),
          signal,
          looks: {
            at: decisions.stepsOf(lastStep(team)),
            async look(step, bytes) {
              await measured(step, bytes);
              early = await decisions.decide(number, step, signal);
              return early === undefined;
            },
          },
          onStart: (running) => entry.recordTrial(number, {}, { engine: running.name, numerics: running.numerics }),
          onWarning: (message) => log.debug(fields, message),
          onOutput: (line) => log.info(fields, `model module: ${line}`),
          onProgress: async (progress) => {
            entry.showTrial(number, { steps: progress.step, seconds: seconds() });
            if (attempts > 0 && entry.trial(number).attempts > 0) await checkpointing.now(progress);
            else await checkpointing.consider(progress);
            // An engine may compute on this thread: let requests for health, metrics and stops run.
            await yieldToEventLoop();
            if (interrupted.aborted) await checkpointing.now(progress);
          },
        });
        const { trial } = entry.trial(number);
        if (early === "pruned") return ["pruned", lastMeasured(trial)];
        if (early === "stopped") {
          const { step, value } = decisions.best(trial);
          return ["stopped", { steps: step, value }];
        }
        return ["complete", { steps: lastStep(team), value: await material.measure(trained.bytes, signal) }];
      } finally {
        await checkpointing.settled();
      }
    }

    /** Measures the model of a step, once. */
    async function measured(step: number, bytes: Uint8Array): Promise<void> {
      const known = entry.trial(number).trial.measured;
      if (known.some((one) => one.step === step)) return;
      const value = await material.measure(bytes, signal);
      await progressed({ steps: step, seconds: seconds(), measured: [...known, { step, value }] });
    }
  };
}

/** Trials are many: each takes one slot of the workers, which gives the bits of a training without workers. */
function teamOf(team: TeamConfig): TeamConfig {
  if (team.workers === undefined) return team;
  const syncEvery = Math.max(team.workers.syncEvery, Math.ceil(team.steps / MOST_UNITS));
  return { ...team, workers: { ...team.workers, slots: 1, syncEvery } };
}

const lastStep = ({ steps, stopAfter = steps }: TeamConfig) => stopAfter;

/** A trial that ends on the way has the value that it was last measured with. */
function lastMeasured({ measured }: Trial): Partial<Trial> {
  const last = measured.at(-1);
  return last === undefined ? {} : { steps: last.step, value: last.value };
}
