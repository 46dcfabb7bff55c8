import { describe, expect, test } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { createReferenceEngine } from "../../../../services/engine/eager/eager-engine.ts";
import type { Engine } from "../../../../services/engine/interface/engine.ts";
import { packState } from "../../../../services/engine/interface/packed-state.ts";
import { createOnnxEngine } from "../../../../services/engine/onnx/onnx-engine.ts";
import { createWasmEngine } from "../../../../services/engine/wasm/wasm-engine.ts";
import { runTraining, type TrainingRun } from "../../../../services/learning/training/run-training.ts";
import type { TrainingCheckpoint } from "../../../../services/learning/training/training-progress.ts";
import { createLocalRunner } from "../../../../services/learning/units/local-runner.ts";
import { runInUnits } from "../../../../services/learning/units/run-in-units.ts";
import type { NumericsRule, UnitRunner } from "../../../../services/learning/units/unit.ts";
import { adam, denseProgram, numbers } from "../../../helpers/dense-program.ts";

const ROWS = 60;
const STEPS = 47;
const RULE: NumericsRule = { numerics: "exact", fallback: "local", audit: 0 };

function trainingOn(engine: Engine, over: Partial<TrainingRun> = {}): TrainingRun {
  const program = denseProgram({ widths: [3, 5, 1], batch: 8, optimizer: adam, loss: "mse", seed: 3 });
  const data = Object.fromEntries(
    Object.entries(program.resident).map(([name, { width }], index) => [name, numbers(ROWS * width, index + 1)]),
  );
  const schedule = { warmup: 5, decay: "cosine" } as const;
  return { engine, program, data, rows: ROWS, steps: STEPS, schedule, seed: 7, ...over };
}

const digestOf = async (state: Parameters<typeof packState>[0]) => (await packState(state)).digest;

describe.each([createOnnxEngine("cpu", { clock: systemClock }), createWasmEngine({ clock: systemClock })])(
  "on $name",
  (engine) => {
    test("one slot gives the bits of a training without units", async () => {
      const plain = await runTraining(trainingOn(engine));
      const inUnits = await runInUnits(
        trainingOn(engine),
        { slots: 1, syncEvery: 10 },
        createLocalRunner(systemClock),
        RULE,
      );
      expect(await digestOf(inUnits.state)).toBe(await digestOf(plain.state));
      expect(inUnits.loss).toBe(plain.loss);
      expect(inUnits.engine).toMatchObject({ name: engine.name, numerics: plain.engine.numerics });
    });

    test("looks see the bits of their steps and change none, in units and without; one of them can end the training", async () => {
      const plain = await runTraining(trainingOn(engine));
      const looking = async (end: number | undefined, units: boolean) => {
        const seen: string[] = [];
        const looks = {
          at: [3, 20, 21],
          async look({ step, state }: TrainingCheckpoint) {
            seen.push(`${step} ${await digestOf(state)}`);
            return step !== end;
          },
        };
        const run = trainingOn(engine, { looks });
        const result = units
          ? await runInUnits(run, { slots: 1, syncEvery: 10 }, createLocalRunner(systemClock), RULE)
          : await runTraining(run);
        return { seen, end: await digestOf(result.state) };
      };
      const whole = await looking(undefined, false);
      expect(whole.end).toBe(await digestOf(plain.state));
      expect(whole.seen.map((text) => Number(text.split(" ")[0]))).toEqual([3, 20, 21]);
      expect(await looking(undefined, true)).toEqual(whole);
      const ended = await looking(20, false);
      expect(ended).toEqual({ seen: whole.seen.slice(0, 2), end: whole.seen[1]?.split(" ")[1] });
      expect(await looking(20, true)).toEqual(ended);

      // Interrupted after the checkpoint and before the look: the look comes first.
      let reached: TrainingCheckpoint | undefined;
      const onlyThen = async (checkpoint: TrainingCheckpoint) => {
        reached = checkpoint;
        return false;
      };
      await runTraining(trainingOn(engine, { looks: { at: [20], look: onlyThen } }));
      for (const units of [false, true]) {
        const again: number[] = [];
        const looks = { at: [3, 20, 21], look: async ({ step }: TrainingCheckpoint) => again.push(step) < 2 };
        const run = trainingOn(engine, { looks, resume: reached as TrainingCheckpoint });
        if (units) await runInUnits(run, { slots: 1, syncEvery: 10 }, createLocalRunner(systemClock), RULE);
        else await runTraining(run);
        expect(again).toEqual([20, 21]);
      }
    });

    test("the order in which units run, and a second run of each, change no bit", async () => {
      const plan = { slots: 3, syncEvery: 10 };
      const straight = await runInUnits(trainingOn(engine), plan, createLocalRunner(systemClock), RULE);
      const local = createLocalRunner(systemClock);
      const shuffled: UnitRunner = {
        async open(request) {
          const training = await local.open(request);
          return {
            ...training,
            async run(unit, state, signal) {
              // The last slot first.
              await new Promise((resolve) => setTimeout(resolve, 5 * (3 - unit.slot)));
              await training.run(unit, state, signal);
              return training.run(unit, state, signal);
            },
          };
        },
      };
      const other = await runInUnits(trainingOn(engine), plan, shuffled, RULE);
      expect(await digestOf(other.state)).toBe(await digestOf(straight.state));
      expect(other.loss).toBe(straight.loss);
    });
  },
);

const wasm = createWasmEngine({ clock: systemClock });

test("a training that is resumed after any round ends with the same bits", async () => {
  const plan = { slots: 2, syncEvery: 10 };
  const checkpoints: TrainingCheckpoint[] = [];
  const whole = await runInUnits(
    trainingOn(wasm, {
      onProgress: async ({ checkpoint }) => {
        checkpoints.push(await checkpoint());
      },
    }),
    plan,
    createLocalRunner(systemClock),
    RULE,
  );
  expect(checkpoints.map(({ step }) => step)).toEqual([10, 20, 30, 40, 47]);
  for (const resume of checkpoints) {
    const resumed = await runInUnits(trainingOn(wasm, { resume }), plan, createLocalRunner(systemClock), RULE);
    expect(await digestOf(resumed.state)).toBe(await digestOf(whole.state));
    expect(resumed.loss).toBe(whole.loss);
  }
});

test("slots train on batches of their own", async () => {
  const digests = await Promise.all(
    [1, 2, 3].map(async (slots) => {
      const plan = { slots, syncEvery: STEPS };
      return digestOf((await runInUnits(trainingOn(wasm), plan, createLocalRunner(systemClock), RULE)).state);
    }),
  );
  expect(new Set(digests).size).toBe(3);
});

test("a slot that diverges is named by its step", async () => {
  const data = { x: numbers(ROWS * 3).map(() => 1e30), y: numbers(ROWS).map(() => 1e30) };
  await expect(
    runInUnits(trainingOn(wasm, { data }), { slots: 2, syncEvery: 10 }, createLocalRunner(systemClock), RULE),
  ).rejects.toThrow(/^training diverged: the loss of step 0 is /);
});

test("an engine that compiles no steps is refused", async () => {
  await expect(
    runInUnits(
      trainingOn(createReferenceEngine(systemClock)),
      { slots: 1, syncEvery: 10 },
      createLocalRunner(systemClock),
      RULE,
    ),
  ).rejects.toThrow("engine reference cannot be used with workers");
});

test("an abort ends the training", async () => {
  const stop = new AbortController();
  const training = runInUnits(
    trainingOn(wasm, { signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) }),
    { slots: 2, syncEvery: 10 },
    createLocalRunner(systemClock),
    RULE,
  );
  await expect(training).rejects.toThrow("enough");
});
