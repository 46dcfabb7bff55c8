import { UncoupleError } from "../../common/errors.ts";
import { mean } from "../../common/statistics.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import type { TrainingProgram, TrainingState } from "../../engine/interface/program.ts";
import type { ScheduleSpec } from "../../pipeline/team.ts";
import { createBatchSource } from "./batches.ts";
import { learningRateAt } from "./schedule.ts";
import type { TrainingCheckpoint, TrainingProgress } from "./training-progress.ts";

/** Long enough that the cost of a call vanishes, short enough that progress, cancel and checkpoints stay live. */
const CHUNK_MILLISECONDS = 40;
/** The final loss that a manifest records is the mean over so many last steps. */
const RECENT_STEPS = 100;
const ADVICE = "lower the learning rate, or look for extreme values in the data";

export interface TrainingRun {
  readonly engine: Engine;
  readonly program: TrainingProgram;
  /** Resident columns by name, [rows * width]. */
  readonly data: Readonly<Record<string, Float32Array>>;
  readonly rows: number;
  readonly steps: number;
  readonly schedule: ScheduleSpec;
  readonly seed: number;
  readonly resume?: TrainingCheckpoint;
  readonly signal?: AbortSignal;
  /** Called after every chunk and awaited, so that it may take a checkpoint. */
  onProgress?(progress: TrainingProgress): void | Promise<void>;
}

/**
 * Trains to the last step. The result depends on the program, the data, the seed and the engine, not on chunk sizes,
 * machine speed or interruptions.
 *
 * @throws UncoupleError `cancelled` (the signal aborted, at a chunk's end), `failed-precondition` (a loss or the final
 *   state is not finite: the message names the step)
 */
export async function runTraining(run: TrainingRun): Promise<{ state: TrainingState; loss: number }> {
  const { engine, program, steps } = run;
  const session = await engine.prepare(program, run.data, run.rows);
  try {
    if (run.resume !== undefined) await session.restore(run.resume.state);
    const batches = createBatchSource(program, run.rows, run.seed);
    const rate = (step: number) => learningRateAt(step, steps, program.optimizer.learningRate, run.schedule);
    let step = run.resume?.step ?? 0;
    let recent: number[] = [...(run.resume?.recentLosses ?? [])];
    let size = 4;
    const draw = (first: number) => batches.chunk(first, Math.min(size, steps - first), rate);
    let chunk = draw(step);
    while (step < steps) {
      run.signal?.throwIfAborted();
      const count = chunk.steps;
      const began = engine.clock.elapsed();
      const running = session.run(chunk);
      // The engine computes beside this thread, which draws the next batches meanwhile.
      chunk = draw(step + count);
      const losses = await running;
      const elapsed = engine.clock.elapsed() - began;
      const bad = losses.findIndex((loss) => !Number.isFinite(loss));
      if (bad >= 0) {
        throw new UncoupleError(
          "failed-precondition",
          `training diverged: the loss of step ${step + bad} is ${losses[bad]}; ${ADVICE}`,
        );
      }
      step += count;
      recent = [...recent, ...losses].slice(-RECENT_STEPS);
      // Growth is bounded so that one slow first call (compilation, a cold cache) does not decide the size.
      size = Math.max(1, Math.min(count * 2, Math.round((count * CHUNK_MILLISECONDS) / Math.max(elapsed, 0.01))));
      const lossesSoFar = recent;
      const at = step;
      await run.onProgress?.({
        step,
        steps,
        loss: mean(losses),
        learningRate: rate(step - 1),
        stepsPerSecond: (count / Math.max(elapsed, 0.01)) * 1000,
        checkpoint: async () => ({ step: at, state: await session.state(), recentLosses: lossesSoFar }),
      });
    }
    const state = await session.state();
    for (const [name, { values }] of Object.entries(state)) {
      // The last update comes after the last loss.
      if (!name.startsWith("variable/") || values.every(Number.isFinite)) continue;
      throw new UncoupleError(
        "failed-precondition",
        `training diverged: after step ${steps - 1}, ${name} is not finite; ${ADVICE}`,
      );
    }
    return { state, loss: mean(recent) };
  } finally {
    await session.dispose();
  }
}
