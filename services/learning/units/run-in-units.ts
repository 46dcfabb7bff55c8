import { createHash } from "node:crypto";
import { setMaxListeners } from "node:events";
import { yieldToEventLoop } from "../../common/async/yield.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { sha256 } from "../../common/files/digest.ts";
import { mean } from "../../common/statistics.ts";
import { spilledBlocks } from "../../data/spill/spill-file.ts";
import { recordStep } from "../../engine/compiler/tracing/record-step.ts";
import type { RunningEngine } from "../../engine/interface/engine.ts";
import { isFiniteState, type PackedState, packState, unpackState } from "../../engine/interface/packed-state.ts";
import { checkData } from "../../engine/interface/program-shape.ts";
import { packProgram } from "../../engine/shipped/packed-program.ts";
import type { UnitCount } from "../../pipeline/run.ts";
import { isSpilledMatrix, type RowMatrix } from "../dataset/row-matrix.ts";
import {
  checkLosses,
  checkState,
  goesOnAfter,
  RECENT_STEPS,
  type TrainingResult,
  type TrainingRun,
  untilLook,
} from "../training/run-training.ts";
import { learningRateAt } from "../training/schedule.ts";
import { SpilledColumns } from "../training/training-columns.ts";
import { foldLosses, foldStates } from "./fold.ts";
import { pinEngine } from "./pin-engine.ts";
import type { Blob, JobBlob, NumericsRule, UnitJob, UnitResult, UnitRunner, UnitTraining } from "./unit.ts";

/** How a training is divided into units. */
export interface UnitPlan {
  /** Logical workers. Each trains on batches of its own from the same state; their states are averaged. */
  readonly slots: number;
  /** Steps between averages; the last round may be shorter. */
  readonly syncEvery: number;
}

/** A training as data, with all bytes that it names. Can be sent to another process. */
export interface ShippedTraining {
  readonly job: UnitJob;
  readonly blobs: readonly JobBlob[];
  readonly initial: PackedState;
  /** What its numerics class is pinned to. */
  readonly engine: RunningEngine;
}

/** @throws UncoupleError as `recordStep`, `checkData` and `pinEngine` */
export async function shipTraining(run: TrainingRun): Promise<ShippedTraining> {
  const { program, data, rows, steps, schedule, seed } = run;
  if (!(data instanceof SpilledColumns)) checkData(program, data, rows);
  const recorded = recordStep(program);
  await yieldToEventLoop();
  const engine = pinEngine(run.engine, recorded, program);
  const packed = await packProgram(recorded, program);
  const columns: Record<string, string> = {};
  const blobs: JobBlob[] = [packed];
  for (const name of Object.keys(program.resident)) {
    const blob =
      data instanceof SpilledColumns
        ? await columnBlob(data.matrices[name] as RowMatrix)
        : await memoryBlob(data[name] as Float32Array);
    columns[name] = blob.digest;
    blobs.push(blob);
  }
  const { learningRate } = program.optimizer;
  const job: UnitJob = { program: packed.digest, columns, rows, steps, schedule, learningRate, seed };
  return { job, blobs, initial: await packState(recorded.initial), engine };
}

async function memoryBlob({ buffer, byteOffset, byteLength }: Float32Array): Promise<Blob> {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return { digest: await sha256(bytes), bytes };
}

async function columnBlob(column: RowMatrix): Promise<JobBlob> {
  if (!isSpilledMatrix(column)) return memoryBlob(column.values);
  const { path, rows, width } = column;
  const hash = createHash("sha256");
  for await (const block of spilledBlocks(column)) {
    hash.update(new Uint8Array(block.buffer));
    await yieldToEventLoop();
  }
  return { digest: hash.digest("hex"), path, size: 4 * rows * width };
}

/** Everything that the rounds of a training need beside what was shipped. */
export interface RoundsRun extends Pick<TrainingRun, "resume" | "signal" | "looks" | "onStart" | "onProgress"> {
  /** Called when a round begins, and with each of its units that is done. */
  onUnits?(count: UnitCount): void;
  readonly clock: Clock;
  readonly plan: UnitPlan;
  readonly runner: UnitRunner;
  readonly rule: NumericsRule;
}

/**
 * Trains to the last step, or until a look ends it, in rounds: every slot runs the same steps of the schedule from the state of the round, and the
 * average of their states is the state of the next one. The result depends on the program, the data, the seed, the plan and
 * the numerics class, not on who ran the units, in which order, or how often.
 *
 * With one slot, gives the bits of `runTraining`. Looks end a round early, so that they change the bits of several slots.
 *
 * @throws UncoupleError as `runTraining` and `UnitRunner.open`
 */
export async function runRounds(shipped: ShippedTraining, run: RoundsRun): Promise<TrainingResult> {
  const { job, blobs, initial, engine } = shipped;
  const { clock, plan, runner, rule, resume, signal, looks } = run;
  const { steps, schedule, learningRate } = job;
  const training = await runner.open({ job, blobs, initial, engine, rule, ...(signal !== undefined && { signal }) });
  try {
    await run.onStart?.(training.engine);
    let recent: number[] = [...(resume?.recentLosses ?? [])];
    let step = resume?.step ?? 0;
    let state: PackedState = resume === undefined ? initial : await packState(resume.state);
    let goesOn = resume === undefined || (await goesOnAfter(looks, resume.step, async () => resume));
    while (goesOn && step < steps) {
      signal?.throwIfAborted();
      const first = step;
      // A checkpoint of a training with another plan lies between two averages.
      const count = Math.min(plan.syncEvery - (first % plan.syncEvery), untilLook(looks, first, steps));
      const began = clock.elapsed();
      const results = await runRound(training, { first, count }, state, run, steps);
      const losses = foldLosses(results.map((result) => result.losses));
      checkLosses(losses, first);
      state = await foldStates(results.map((result) => result.state));
      step = first + count;
      const elapsed = Math.max(clock.elapsed() - began, 0.01);
      recent = [...recent, ...losses].slice(-RECENT_STEPS);
      const [now, reached, recentLosses] = [step, state, recent];
      const checkpoint = async () => ({ step: now, state: await unpackState(reached), recentLosses });
      await run.onProgress?.({
        step: now,
        steps,
        losses,
        loss: mean(losses),
        learningRate: learningRateAt(now - 1, steps, learningRate, schedule),
        stepsPerSecond: (count / elapsed) * 1000,
        checkpoint,
      });
      goesOn = await goesOnAfter(looks, now, checkpoint);
    }
    const end = await unpackState(state);
    // Names the tensor; on large states it is slow, and holds the event loop.
    if (!(await isFiniteState(state, "variable/"))) checkState(end, step);
    return { state: end, loss: mean(recent), engine: training.engine };
  } finally {
    await training.close();
  }
}

/** Runs the units of a round. If one fails, the others end, too. @param steps of the schedule @returns results by slot */
async function runRound(
  training: UnitTraining,
  range: { readonly first: number; readonly count: number },
  state: PackedState,
  { plan: { slots, syncEvery }, signal, onUnits }: RoundsRun,
  steps: number,
): Promise<readonly UnitResult[]> {
  const failed = new AbortController();
  const over = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  // Each unit listens; Node warns of a leak from the eleventh on.
  setMaxListeners(slots, over);
  const round = { round: Math.floor(range.first / syncEvery) + 1, rounds: Math.ceil(steps / syncEvery), slots };
  let done = 0;
  onUnits?.({ ...round, done });
  return Promise.all(
    Array.from({ length: slots }, async (_, slot) => {
      try {
        const result = await training.run({ slot, ...range }, state, over);
        done++;
        onUnits?.({ ...round, done });
        return result;
      } catch (thrown) {
        failed.abort(thrown);
        throw thrown;
      }
    }),
  );
}

/** Ships a training and runs its rounds. @throws UncoupleError as `shipTraining` and `runRounds` */
export async function runInUnits(
  run: TrainingRun,
  plan: UnitPlan,
  runner: UnitRunner,
  rule: NumericsRule,
  onUnits?: (count: UnitCount) => void,
): Promise<TrainingResult> {
  const shipped = await shipTraining(run);
  const { clock } = run.engine;
  return runRounds(shipped, { ...run, clock, plan, runner, rule, ...(onUnits !== undefined && { onUnits }) });
}
