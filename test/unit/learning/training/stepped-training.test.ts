import { describe, expect, test } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { createReferenceEngine } from "../../../../services/engine/eager/eager-engine.ts";
import type { Engine } from "../../../../services/engine/interface/engine.ts";
import { createOnnxEngine } from "../../../../services/engine/onnx/onnx-engine.ts";
import { createWasmEngine } from "../../../../services/engine/wasm/wasm-engine.ts";
import {
  openTraining,
  type SteppedTraining,
  type TrainingParts,
} from "../../../../services/learning/training/stepped-training.ts";
import { adam, denseProgram, numbers } from "../../../helpers/dense-program.ts";

const ROWS = 60;
const STEPS = 24;

function partsOf(engine: Engine, hidden = 5): TrainingParts {
  const program = denseProgram({ widths: [3, hidden, 1], batch: 8, optimizer: adam, loss: "mse", seed: 3 });
  const data = Object.fromEntries(
    Object.entries(program.resident).map(([name, { width }], index) => [name, numbers(ROWS * width, index + 1)]),
  );
  return { engine, program, data, rows: ROWS, steps: STEPS, schedule: { warmup: 5, decay: "cosine" }, seed: 7 };
}

async function opened<T>(parts: TrainingParts, work: (training: SteppedTraining) => Promise<T>): Promise<T> {
  const training = await openTraining(parts);
  try {
    return await work(training);
  } finally {
    await training.dispose();
  }
}

describe.each([
  createOnnxEngine("cpu", { clock: systemClock }),
  createWasmEngine({ clock: systemClock }),
  createReferenceEngine(systemClock),
])("on $name", (engine) => {
  const parts = partsOf(engine);

  test("a training that is handed over after every few steps ends with the bits of one that is not", async () => {
    const whole = await opened(parts, async (training) => {
      const losses = [...(await training.advance(STEPS))];
      return { losses, digest: (await training.take()).state.digest };
    });
    const losses: number[] = [];
    let handed = await opened(parts, (training) => training.take());
    for (const count of [1, 7, 3, 13]) {
      handed = await opened(parts, async (training) => {
        await training.put(handed);
        expect(training.step).toBe(handed.step);
        losses.push(...(await training.advance(count, 2)));
        return training.take();
      });
    }
    expect(handed.step).toBe(STEPS);
    expect(losses).toEqual(whole.losses);
    expect(handed.state.digest).toBe(whole.digest);
  });

  test("a state that is put back undoes what was trained since, also the batches drawn ahead", async () => {
    await opened(parts, async (training) => {
      await training.advance(4);
      const handed = await training.take();
      const first = await training.advance(6, 6);
      await training.put(handed);
      expect(await training.advance(6)).toEqual(first);
    });
  });

  test("bytes that do not match their digest are refused, and the training continues where it was", async () => {
    await opened(parts, async (training) => {
      const { step, state } = await training.take();
      await training.advance(2);
      const before = await training.take();
      const bytes = Uint8Array.from(state.bytes);
      bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
      await expect(training.put({ step, state: { ...state, bytes } })).rejects.toMatchObject({ code: "data-loss" });
      expect(await training.take()).toEqual(before);
    });
  });

  test("the state of a different program is refused", async () => {
    const other = await opened(partsOf(engine, 6), (training) => training.take());
    await opened(parts, async (training) => {
      await expect(training.put(other)).rejects.toMatchObject({ code: "invalid-argument" });
    });
  });

  test("steps outside the schedule are refused", async () => {
    await opened(parts, async (training) => {
      const { state } = await training.take();
      for (const step of [-1, 1.5, STEPS + 1]) {
        await expect(training.put({ step, state })).rejects.toMatchObject({ code: "invalid-argument" });
      }
      await training.put({ step: STEPS - 2, state });
      await expect(training.advance(3)).rejects.toMatchObject({ code: "invalid-argument" });
    });
  });
});
