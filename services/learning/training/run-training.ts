import { UncoupleError } from "../../common/errors.ts";
import { mean } from "../../common/statistics.ts";
import type { RunningEngine } from "../../engine/interface/engine.ts";
import type { TrainingState } from "../../engine/interface/program.ts";
import { openTraining, type TrainingParts } from "./stepped-training.ts";
import type { TrainingCheckpoint, TrainingProgress } from "./training-progress.ts";

/** Long enough that the overhead of a call vanishes, short enough that progress, cancellation and checkpoints stay live. */
const CHUNK_MILLISECONDS = 40;
const FIRST_CHUNK_STEPS = 4;
/**
 * Most that a chunk grows at once. A short chunk is mostly the overhead of its call, so that it makes steps of
 * microseconds look slow, never fast: growing by less would spend a short training on calls.
 */
const GROWTH = 8;
/** The final loss in a manifest is the mean over the last N steps. */
const RECENT_STEPS = 100;
const ADVICE = "lower the learning rate, or look for extreme values in the data";

export interface TrainingRun extends TrainingParts {
  readonly resume?: TrainingCheckpoint;
  readonly signal?: AbortSignal;
  /** Called once before the first step and awaited. */
  onStart?(engine: RunningEngine): void | Promise<void>;
  /** Called after every chunk and awaited, so that it may take a checkpoint. */
  onProgress?(progress: TrainingProgress): void | Promise<void>;
}

export interface TrainingResult {
  readonly state: TrainingState;
  /** Mean over the last 100 steps. */
  readonly loss: number;
  readonly engine: RunningEngine;
}

/**
 * Trains to the last step. The result depends on the program, the data, the seed and the engine, not on chunk sizes,
 * machine speed or interruptions.
 *
 * @throws UncoupleError `cancelled` (the signal aborted, at the end of a chunk), `failed-precondition` (a loss or the
 *   final state is not finite; the message names the step)
 */
export async function runTraining(run: TrainingRun): Promise<TrainingResult> {
  const { steps, resume } = run;
  const { clock } = run.engine;
  const training = await openTraining(run, resume);
  try {
    await run.onStart?.(training.engine);
    let recent: number[] = [...(resume?.recentLosses ?? [])];
    let count = Math.min(FIRST_CHUNK_STEPS, steps - training.step);
    let size = FIRST_CHUNK_STEPS;
    while (training.step < steps) {
      run.signal?.throwIfAborted();
      const first = training.step;
      const following = Math.min(size, steps - first - count);
      const began = clock.elapsed();
      const losses = await training.advance(count, following);
      const elapsed = Math.max(clock.elapsed() - began, 0.01);
      checkLosses(losses, first);
      recent = [...recent, ...losses].slice(-RECENT_STEPS);
      // Measured again after each chunk: the first call also compiles, and caches are cold.
      size = Math.max(1, Math.min(count * GROWTH, Math.round((count * CHUNK_MILLISECONDS) / elapsed)));
      const [step, recentLosses] = [training.step, recent];
      await run.onProgress?.({
        step,
        steps,
        loss: mean(losses),
        learningRate: training.learningRate(step - 1),
        stepsPerSecond: (count / elapsed) * 1000,
        checkpoint: async () => ({ step, state: await training.state(), recentLosses }),
      });
      count = following;
    }
    const state = await training.state();
    checkState(state, steps);
    return { state, loss: mean(recent), engine: training.engine };
  } finally {
    await training.dispose();
  }
}

function checkLosses(losses: Float32Array, first: number): void {
  const bad = losses.findIndex((loss) => !Number.isFinite(loss));
  if (bad < 0) return;
  throw new UncoupleError(
    "failed-precondition",
    `training diverged: the loss of step ${first + bad} is ${losses[bad]}; ${ADVICE}`,
  );
}

/** The last update comes after the last loss. */
function checkState(state: TrainingState, steps: number): void {
  for (const [name, { values }] of Object.entries(state)) {
    if (!name.startsWith("variable/") || values.every(Number.isFinite)) continue;
    throw new UncoupleError(
      "failed-precondition",
      `training diverged: after step ${steps - 1}, ${name} is not finite; ${ADVICE}`,
    );
  }
}
