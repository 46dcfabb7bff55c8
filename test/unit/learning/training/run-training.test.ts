import { expect, test } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import type { Engine } from "../../../../services/engine/interface/engine.ts";
import { runTraining } from "../../../../services/learning/training/run-training.ts";

test("weights that the last update made NaN are a divergence, although every loss was finite", async () => {
  const engine: Engine = {
    name: "fake",
    clock: createVirtualClock(),
    prepare: async () => ({
      run: async ({ steps }) => new Float32Array(steps),
      state: async () => ({ "variable/w": { shape: [1], values: Float32Array.of(Number.NaN) } }),
      restore: async () => {},
      dispose: async () => {},
    }),
  };
  const training = runTraining({
    engine,
    program: {
      batch: 1,
      resident: {},
      feeds: {},
      optimizer: { name: "sgd", learningRate: 1 },
      build: () => {
        throw new Error("no test builds it");
      },
    },
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
