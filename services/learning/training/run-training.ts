import { UncoupleError } from "../../common/errors.ts";
import { mean } from "../../common/statistics.ts";
import type { RunningEngine } from "../../engine/interface/engine.ts";
import type { TrainingState } from "../../engine/interface/program.ts";
import { createChunkSizes } from "./chunk-sizes.ts";
import { openTraining, type TrainingParts } from "./stepped-training.ts";
import type { TrainingCheckpoint, TrainingLooks, TrainingProgress } from "./training-progress.ts";

/** The final loss in a manifest is the mean over the last N steps. */
export const RECENT_STEPS = 100;
const ADVICE = "lower the learning rate, or look for extreme values in the data";

export interface TrainingRun extends TrainingParts {
  readonly resume?: TrainingCheckpoint;
  readonly signal?: AbortSignal;
  readonly looks?: TrainingLooks;
  /** Called once before the first step and awaited. */
  onStart?(engine: RunningEngine): void | Promise<void>;
  /** Called after every chunk and awaited, so that it may take a checkpoint. */
  onProgress?(progress: TrainingProgress): void | Promise<void>;
}

/** Runs a training to its end: in this process, as `runTraining`, or in units that others may run. */
export type Train = (run: TrainingRun) => Promise<TrainingResult>;

export interface TrainingResult {
  readonly state: TrainingState;
  /** Mean over the last 100 steps. */
  readonly loss: number;
  readonly engine: RunningEngine;
}

/**
 * Trains to the last step, or until a look ends it. The result depends on the program, the data, the seed and the engine, not on chunk sizes,
 * machine speed or interruptions.
 *
 * @throws UncoupleError `cancelled` (the signal aborted, at the end of a chunk), `failed-precondition` (a loss or the
 *   final state is not finite; the message names the step)
 */
export async function runTraining(run: TrainingRun): Promise<TrainingResult> {
  const { steps, resume, looks } = run;
  const training = await openTraining(run, resume);
  try {
    await run.onStart?.(training.engine);
    let recent: number[] = [...(resume?.recentLosses ?? [])];
    const sizes = createChunkSizes(run.engine.clock);
    let count = Math.min(sizes.size(), untilLook(looks, training.step, steps));
    let goesOn = resume === undefined || (await goesOnAfter(looks, resume.step, async () => resume));
    while (goesOn && training.step < steps) {
      run.signal?.throwIfAborted();
      const first = training.step;
      const following = Math.min(sizes.size(), untilLook(looks, first + count, steps));
      const { result: losses, elapsed } = await sizes.measure(count, () => training.advance(count, following));
      checkLosses(losses, first);
      recent = [...recent, ...losses].slice(-RECENT_STEPS);
      const [step, recentLosses] = [training.step, recent];
      const checkpoint = async () => ({ step, state: await training.state(), recentLosses });
      await run.onProgress?.({
        step,
        steps,
        losses,
        loss: mean(losses),
        learningRate: training.learningRate(step - 1),
        stepsPerSecond: (count / elapsed) * 1000,
        checkpoint,
      });
      goesOn = await goesOnAfter(looks, step, checkpoint);
      count = following;
    }
    const state = await training.state();
    checkState(state, training.step);
    return { state, loss: mean(recent), engine: training.engine };
  } finally {
    await training.dispose();
  }
}

/** Number of steps from a step to the next look, or to the end. */
export function untilLook(looks: TrainingLooks | undefined, step: number, steps: number): number {
  return (looks?.at.find((at) => at > step) ?? steps) - step;
}

/** Looks at a training after a step, if that is due. @returns whether it goes on */
export async function goesOnAfter(
  looks: TrainingLooks | undefined,
  step: number,
  checkpoint: () => Promise<TrainingCheckpoint>,
): Promise<boolean> {
  return looks?.at.includes(step) !== true || looks.look(await checkpoint());
}

/** @throws UncoupleError `failed-precondition` naming the first step whose loss is not finite @param first number of the first step */
export function checkLosses(losses: Float32Array, first: number): void {
  const bad = losses.findIndex((loss) => !Number.isFinite(loss));
  if (bad < 0) return;
  throw new UncoupleError(
    "failed-precondition",
    `training diverged: the loss of step ${first + bad} is ${losses[bad]}; ${ADVICE}`,
  );
}

/** The last update comes after the last loss. */
export function checkState(state: TrainingState, steps: number): void {
  for (const [name, { values }] of Object.entries(state)) {
    if (!name.startsWith("variable/") || values.every(Number.isFinite)) continue;
    throw new UncoupleError(
      "failed-precondition",
      `training diverged: after step ${steps - 1}, ${name} is not finite; ${ADVICE}`,
    );
  }
}
