import { describe, expect, test } from "vitest";
import { FEWEST_TRIALS, parameterImportance } from "../../../../services/learning/tuning/importance.ts";
import type { SearchParameters } from "../../../../services/pipeline/search.ts";
import type { Trial } from "../../../../services/pipeline/study.ts";

const trial = (
  number: number,
  parameters: SearchParameters,
  value: number | null,
  change: Partial<Trial> = {},
): Trial => ({
  trial: number,
  state: "complete",
  parameters,
  value,
  steps: 100,
  planned: 100,
  seconds: 1,
  measured: [],
  error: null,
  external: false,
  ...change,
});
const study = (count: number, of: (place: number) => Trial) => ({
  trials: Array.from({ length: count }, (_, at) => of(at)),
});
/** In [0, 1), the same for the same seed. */
const noise = (seed: number) => (Math.imul(seed + 1, 2_654_435_761) >>> 0) / 2 ** 32;
const sharesOf = (found: ReturnType<typeof parameterImportance>) =>
  Object.fromEntries((found ?? []).map(({ parameter, share }) => [parameter, share]));

describe("the importance of parameters", () => {
  test("is that of the one that decides the value, and near 0 for one that does not matter", () => {
    const found = parameterImportance(
      study(60, (at) => {
        const rate = noise(at);
        return trial(at + 1, { rate, batch: at % 2 === 0 ? 32 : 64 }, (rate - 0.5) ** 2 + 0.001 * noise(at + 1000));
      }),
    );
    expect(found?.[0]?.parameter).toBe("rate");
    const { rate = 0, batch = 1 } = sharesOf(found);
    expect(rate).toBeGreaterThan(0.7);
    expect(batch).toBeLessThan(0.1);
  });

  test("compares choices of any kind, and trials in which a parameter is not set", () => {
    const found = parameterImportance(
      study(30, (at) => {
        const parameters = at % 3 === 0 ? { hidden: [8, 8] } : { hidden: [64], momentum: 0.9 };
        return trial(at + 1, parameters, (at % 3 === 0 ? 1 : 2) + 0.1 * noise(at));
      }),
    );
    const { hidden = 0, momentum } = sharesOf(found);
    // Ranks within a group still differ.
    expect(hidden).toBeGreaterThan(0.6);
    expect(momentum).toBe(hidden);
  });

  test("ranks a trial that was pruned behind those that went on, whatever its value was there", () => {
    const found = parameterImportance(
      study(20, (at) => {
        const isGood = at % 2 === 0;
        const state = isGood ? "complete" : "pruned";
        return trial(at + 1, { name: isGood ? "a" : "b" }, isGood ? 5 + at : 1 + at, {
          state,
          steps: isGood ? 100 : 10,
        });
      }),
    );
    expect(sharesOf(found).name).toBeGreaterThan(0.7);
  });

  test("is unknown for few trials, and of those that failed nothing is known", () => {
    const few = study(FEWEST_TRIALS - 1, (at) => trial(at, { rate: at }, at));
    expect(parameterImportance(few)).toBeUndefined();
    const failed = [...few.trials, trial(99, { rate: 1 }, null, { state: "failed" })];
    expect(parameterImportance({ trials: failed })).toBeUndefined();
  });

  test("is 0 where all trials are equal", () => {
    const found = parameterImportance(study(12, (at) => trial(at + 1, { rate: at % 3 }, 1)));
    expect(found).toEqual([{ parameter: "rate", share: 0 }]);
  });
});
