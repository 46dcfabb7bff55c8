import { describe, expect, it, test } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import type { Engine } from "../../../../services/engine/interface/engine.ts";
import type { TrainingProgram } from "../../../../services/engine/interface/program.ts";
import { runningEngine } from "../../../../services/engine/interface/running-engine.ts";
import { runTraining } from "../../../../services/learning/training/run-training.ts";

const program: TrainingProgram = {
  batch: 1,
  resident: {},
  feeds: {},
  optimizer: { name: "sgd", learningRate: 1 },
  build: () => {
    throw new Error("no test builds it");
  },
};

/** An engine whose calls take the milliseconds that `duration` gives, and that notes the length of each chunk. */
function timedEngine(duration: (steps: number, call: number) => number): { engine: Engine; chunks: number[] } {
  const chunks: number[] = [];
  let time = 0;
  const engine: Engine = {
    name: "fake",
    reason: "selected",
    clock: { ...createVirtualClock(), elapsed: () => time },
    prepare: async () => ({
      engine: runningEngine("reference", "selected"),
      run: async ({ steps }) => {
        time += duration(steps, chunks.length);
        chunks.push(steps);
        return new Float32Array(steps);
      },
      state: async () => ({ "variable/w": { shape: [1], values: Float32Array.of(0) } }),
      restore: async () => {},
      dispose: async () => {},
    }),
  };
  return { engine, chunks };
}

const trained = async (engine: Engine, steps: number) =>
  runTraining({
    engine,
    program,
    data: {},
    rows: 1,
    steps,
    schedule: { warmup: 0, decay: "constant" },
    seed: 1,
  });

describe("the length of a chunk", () => {
  it("reaches 40 ms within a few chunks, although a call takes longer than the first steps", async () => {
    const { engine, chunks } = timedEngine((steps) => 0.3 + 0.01 * steps);
    await trained(engine, 100_000);
    expect(chunks.reduce((sum, steps) => sum + steps)).toBe(100_000);
    // 40 ms less the overhead of the call, in steps of 10 us.
    expect(chunks.findIndex((steps) => steps > 3_500)).toBeLessThan(10);
    expect(Math.max(...chunks)).toBeLessThanOrEqual(4_000);
    expect(chunks.length).toBeLessThan(40);
  });

  it("recovers from a first call that also compiles", async () => {
    const { engine, chunks } = timedEngine((steps, call) => (call === 0 ? 200 : 0.3) + 0.01 * steps);
    await trained(engine, 100_000);
    expect(chunks.findIndex((steps) => steps > 3_500)).toBeLessThan(14);
  });

  it("is one step where a step takes longer than 40 ms", async () => {
    const { engine, chunks } = timedEngine((steps) => 100 * steps);
    await trained(engine, 20);
    // The second chunk is drawn before the first one is measured.
    expect(chunks.slice(2).every((steps) => steps === 1)).toBe(true);
  });

  it("shrinks when the steps become slower, so that progress stays live", async () => {
    const { engine, chunks } = timedEngine((steps, call) => (call < 12 ? 0.01 : 1) * steps);
    await trained(engine, 60_000);
    expect(chunks.slice(14).every((steps) => steps <= 40)).toBe(true);
  });

  it("spends a short training on few calls", async () => {
    const { engine, chunks } = timedEngine((steps) => 0.3 + 0.01 * steps);
    await trained(engine, 2_000);
    expect(chunks.length).toBeLessThanOrEqual(8);
  });
});

test("the engine that runs a training is reported before its first step, and with its result", async () => {
  const { engine, chunks } = timedEngine(() => 1);
  const started: unknown[] = [];
  const { engine: running } = await runTraining({
    engine,
    program,
    data: {},
    rows: 1,
    steps: 5,
    schedule: { warmup: 0, decay: "constant" },
    seed: 1,
    onStart: (given) => void started.push(given, chunks.length),
  });
  expect(running).toEqual(runningEngine("reference", "selected"));
  expect(started).toEqual([running, 0]);
});

test("weights that the last update made NaN are a divergence, although every loss was finite", async () => {
  const engine: Engine = {
    name: "fake",
    reason: "selected",
    clock: createVirtualClock(),
    prepare: async () => ({
      engine: runningEngine("reference", "selected"),
      run: async ({ steps }) => new Float32Array(steps),
      state: async () => ({ "variable/w": { shape: [1], values: Float32Array.of(Number.NaN) } }),
      restore: async () => {},
      dispose: async () => {},
    }),
  };
  const training = runTraining({
    engine,
    program,
    data: {},
    rows: 1,
    steps: 7,
    schedule: { warmup: 0, decay: "constant" },
    seed: 1,
  });
  await expect(training).rejects.toMatchObject({
    code: "failed-precondition",
    message: expect.stringContaining("training diverged: after step 6, variable/w is not finite"),
  });
});
