import { expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { UncoupleError } from "../../../services/common/errors.ts";
import type { Engine } from "../../../services/engine/interface/engine.ts";
import { SMALL_SIZES } from "../../../services/experiments/paper/two-stage.ts";
import { type ReproduceOptions, reproduce } from "../../../services/experiments/reproduce.ts";

const options = { experiments: ["table2"], sizes: SMALL_SIZES, a: 2, b: 1 } as const;

test("the first seed that fails cancels seeds not yet started, and the caller gets its error", async () => {
  let trainings = 0;
  const broken: Engine = {
    name: "broken",
    reason: "selected",
    clock: systemClock,
    prepare: async () => {
      trainings += 1;
      throw new UncoupleError("resource-exhausted", `out of memory in training ${trainings}`);
    },
  };
  const failed = reproduce({ ...options, seeds: [0, 1, 2, 3, 4, 5], jobs: 2, engine: broken });
  await expect(failed).rejects.toThrow(/^out of memory in training [12]$/);
  expect(trainings).toBeLessThanOrEqual(2);
});

test.each([0, 1.5])("%f jobs are refused", async (jobs) => {
  const refused = reproduce({ ...options, seeds: [0], jobs, engine: {} as ReproduceOptions["engine"] });
  await expect(refused).rejects.toMatchObject({ code: "invalid-argument" });
});
