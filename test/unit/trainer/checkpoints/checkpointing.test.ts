import { describe, expect, test } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import type { TrainingCheckpoint, TrainingProgress } from "../../../../services/learning/training/training-progress.ts";
import { createCheckpointing } from "../../../../services/trainer/checkpoints/checkpointing.ts";
import { recordingLog } from "../../../helpers/log.ts";

const progress = (step: number): TrainingProgress => ({
  step,
  steps: 1_000,
  losses: Float32Array.of(1),
  loss: 1,
  learningRate: 0.1,
  stepsPerSecond: 100,
  checkpoint: async () => ({ step, state: {}, recentLosses: [] }),
});

/** @param save replaces the store's write */
function open(save: (checkpoint: TrainingCheckpoint) => Promise<void> = async () => {}, seconds = 5) {
  const clock = createVirtualClock();
  const { log, records } = recordingLog();
  const saved: number[] = [];
  const written: (readonly [step: number, seconds: number])[] = [];
  const checkpointing = createCheckpointing({
    run: "r1",
    seconds,
    store: {
      async saveCheckpoint(_run, checkpoint) {
        saved.push(checkpoint.step);
        await save(checkpoint);
      },
    },
    clock,
    log,
    onWritten: (step, took) => written.push([step, took]),
  });
  return { clock, records, saved, written, checkpointing };
}

describe("checkpoints", () => {
  test("are written when due, and not before", async () => {
    const { clock, saved, checkpointing } = open();
    await checkpointing.consider(progress(1));
    await clock.advance(4_999);
    await checkpointing.consider(progress(2));
    expect(saved).toEqual([]);
    await clock.advance(1);
    await checkpointing.consider(progress(3));
    await checkpointing.settled();
    await clock.advance(4_999);
    await checkpointing.consider(progress(4));
    await clock.advance(1);
    await checkpointing.consider(progress(5));
    expect(saved).toEqual([3, 5]);
  });

  test("are written after every chunk when the interval is 0", async () => {
    const { saved, checkpointing } = open(undefined, 0);
    for (const step of [1, 2, 3]) {
      await checkpointing.consider(progress(step));
      await checkpointing.settled();
    }
    expect(saved).toEqual([1, 2, 3]);
  });

  test("that are slow to write do not block training, and the interval counts from their end", async () => {
    const { clock, saved, written, checkpointing } = open(() => clock.sleep(20_000));
    await clock.advance(5_000);
    await checkpointing.consider(progress(1));
    await clock.advance(19_999);
    await checkpointing.consider(progress(2));
    await clock.advance(1);
    await checkpointing.consider(progress(3));
    expect(saved).toEqual([1]);
    expect(written).toEqual([[1, 20]]);
    await clock.advance(5_000);
    await checkpointing.consider(progress(4));
    expect(saved).toEqual([1, 4]);
  });

  test("of an exact step are written immediately after the pending one, and only once", async () => {
    const { clock, saved, checkpointing } = open(() => clock.sleep(1_000));
    await clock.advance(5_000);
    await checkpointing.consider(progress(1));
    const now = checkpointing.now(progress(2));
    await clock.advance(1_999);
    expect(saved).toEqual([1, 2]);
    await clock.advance(1);
    await now;
    await checkpointing.now(progress(2));
    expect(saved).toEqual([1, 2]);
  });

  test("that cannot be written are logged, and later ones are attempted", async () => {
    let full = true;
    const { clock, records, saved, written, checkpointing } = open(async () => {
      if (full) throw new UncoupleError("resource-exhausted", "the disk is full");
    });
    await clock.advance(5_000);
    await checkpointing.consider(progress(1));
    await checkpointing.settled();
    expect(records).toEqual([expect.objectContaining({ message: "cannot write a checkpoint: the disk is full" })]);
    full = false;
    await clock.advance(5_000);
    await checkpointing.consider(progress(2));
    await checkpointing.settled();
    expect(saved).toEqual([1, 2]);
    expect(written).toEqual([[2, 0]]);
  });
});
