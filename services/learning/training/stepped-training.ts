import { UncoupleError } from "../../common/errors.ts";
import type { Engine, RunningEngine } from "../../engine/interface/engine.ts";
import { type PackedState, packState, unpackState } from "../../engine/interface/packed-state.ts";
import type { Chunk, TrainingProgram, TrainingState } from "../../engine/interface/program.ts";
import type { ScheduleSpec } from "../../pipeline/team.ts";
import { type BatchSource, createBatchSource } from "./batches.ts";
import { learningRateAt } from "./schedule.ts";
import { SpilledColumns, streamedProgram, type TrainingColumns } from "./training-columns.ts";

/** What is trained, and on what. Two trainings with equal parts are interchangeable at every step. */
export interface TrainingParts {
  readonly engine: Engine;
  readonly program: TrainingProgram;
  readonly data: TrainingColumns;
  readonly rows: number;
  /** Length of the whole schedule. */
  readonly steps: number;
  readonly schedule: ScheduleSpec;
  readonly seed: number;
}

/** A training at one of its steps. With the parts, the step determines all batches and noise that are still to come. */
export interface HandedTraining {
  /** Steps done. */
  readonly step: number;
  readonly state: PackedState;
  /** Whose batches come next; default: 0. */
  readonly slot?: number;
}

/**
 * A training that advances a given number of steps at a time. Its state can be taken out, handed to another process and
 * put back there: wherever a step runs, it gives the same bits in one numerics class. Calls must not overlap.
 */
export interface SteppedTraining {
  /** The engine that runs it. */
  readonly engine: RunningEngine;
  /** Steps done. */
  readonly step: number;
  /** Learning rate of a step, counted from 0. */
  learningRate(step: number): number;
  /**
   * Runs the next `count` steps.
   * @param following how many steps the next call will probably run; their batches are drawn while the engine computes
   * @returns the loss of every step, before its update, [count]
   * @throws UncoupleError `invalid-argument` if the schedule has fewer than `count` steps left
   */
  advance(count: number, following?: number): Promise<Float32Array>;
  /** A copy of the state, safe to keep. */
  state(): Promise<TrainingState>;
  take(): Promise<HandedTraining>;
  /**
   * Continues where another training was taken out.
   * @throws UncoupleError `data-loss` if the bytes do not match their digest, `invalid-argument` if the state belongs to a
   *   different program or the step lies outside the schedule
   */
  put(handed: HandedTraining): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * Opens a training at its first step, or at the step where a checkpoint was taken.
 * @throws UncoupleError as `Engine.prepare` and `TrainingSession.restore`
 */
export async function openTraining(
  parts: TrainingParts,
  start?: { readonly step: number; readonly state: TrainingState },
): Promise<SteppedTraining> {
  const { engine, data, rows, steps, seed } = parts;
  const spilled = data instanceof SpilledColumns ? data : undefined;
  const program = spilled === undefined ? parts.program : streamedProgram(parts.program);
  const session = await engine.prepare(program, data instanceof SpilledColumns ? {} : data, rows);
  /** By slot. */
  const sources = new Map<number, BatchSource>();
  const learningRate = (at: number) => learningRateAt(at, steps, program.optimizer.learningRate, parts.schedule);
  let step = 0;
  let slot = 0;
  let drawn: { readonly steps: number; readonly chunk: Promise<Chunk> } | undefined;

  const draw = (first: number, count: number): Promise<Chunk> => {
    const source = sources.get(slot) ?? createBatchSource({ program, rows, seed, slot, spilled, steps });
    sources.set(slot, source);
    return source.chunk(first, count, learningRate);
  };

  /** Drops the batches that were drawn ahead. */
  async function forget(): Promise<void> {
    const { chunk } = drawn ?? {};
    drawn = undefined;
    await chunk?.catch(() => {});
  }

  async function restore(at: number, state: TrainingState, of = 0): Promise<void> {
    if (!Number.isSafeInteger(at) || at < 0 || at > steps) {
      throw new UncoupleError("invalid-argument", `step ${at} is outside a schedule of ${steps} steps`);
    }
    await session.restore(state);
    await forget();
    step = at;
    slot = of;
  }

  try {
    if (start !== undefined) await restore(start.step, start.state);
  } catch (thrown) {
    await session.dispose();
    throw thrown;
  }
  return {
    engine: session.engine,
    get step() {
      return step;
    },
    learningRate,
    async advance(count, following = 0) {
      if (count > steps - step) {
        throw new UncoupleError("invalid-argument", `step ${step} of ${steps} has no ${count} steps after it`);
      }
      if (drawn?.steps !== count) await forget();
      const chunk = await (drawn?.chunk ?? draw(step, count));
      const running = session.run(chunk);
      // The engine computes on a thread of its own, so this one draws the next batches in the meantime.
      const next = Math.min(following, steps - step - count);
      drawn = next > 0 ? { steps: next, chunk: draw(step + count, next) } : undefined;
      // Its failure is the next call's.
      drawn?.chunk.catch(() => {});
      const losses = await running;
      step += count;
      return losses;
    },
    state: () => session.state(),
    take: async () => ({ step, slot, state: await packState(await session.state()) }),
    put: async (handed) => restore(handed.step, await unpackState(handed.state), handed.slot),
    async dispose() {
      await forget();
      await Promise.all([...sources.values()].map((source) => source.close()));
      await session.dispose();
    },
  };
}
