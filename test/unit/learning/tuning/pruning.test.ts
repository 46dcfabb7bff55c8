import { describe, expect, test } from "vitest";
import { createRandom } from "../../../../services/data/random/random.ts";
import { measuredSteps } from "../../../../services/learning/tuning/measured-steps.ts";
import { goesOn, hasStalled } from "../../../../services/learning/tuning/pruning.ts";
import type { SearchSpec } from "../../../../services/pipeline/search.ts";

const search = (change: Partial<SearchSpec>): SearchSpec => ({
  parameters: [],
  sampler: "random",
  pruning: { name: "none" },
  validation: 0.2,
  seed: 1,
  ...change,
});

describe("halving", () => {
  const halving = { name: "halving", factor: 3 } as const;

  test("promotes the best third of the trials so far, and the best one always", () => {
    expect(goesOn(halving, 5, [])).toBe(true);
    expect(goesOn(halving, 5, [4])).toBe(false);
    expect(goesOn(halving, 3, [4])).toBe(true);
    // Of six trials, two go on.
    expect(goesOn(halving, 2.5, [1, 3, 4, 5, 6])).toBe(true);
    expect(goesOn(halving, 3.5, [1, 3, 4, 5, 6])).toBe(false);
    // An equal one that came first keeps its place.
    expect(goesOn(halving, 1, [1])).toBe(true);
  });

  test("promotes about a third in the long run", () => {
    const random = createRandom(5, "values");
    const values: number[] = [];
    let promoted = 0;
    for (let i = 0; i < 300; i++) {
      const value = random.uniform();
      if (goesOn(halving, value, values)) promoted += 1;
      values.push(value);
    }
    expect(promoted / 300).toBeGreaterThan(0.3);
    expect(promoted / 300).toBeLessThan(0.4);
  });

  test("measures at first, first * factor, and so on, below the trial's own steps", () => {
    const steps = measuredSteps(search({ pruning: { ...halving, first: 100 } }), 4000);
    expect(steps.pruning(4000)).toEqual([100, 300, 900, 2700]);
    expect(steps.pruning(900)).toEqual([100, 300]);
    // By default, three times on the way to the longest training of the search.
    const range = { kind: "number", low: 100, high: 2700, log: false, integer: true } as const;
    const searched = search({ pruning: halving, parameters: [{ key: "steps", range, when: [] }] });
    expect(measuredSteps(searched, 4000).pruning(2700)).toEqual([100, 300, 900]);
  });
});

describe("the median rule", () => {
  const median = { name: "median", after: 3 } as const;

  test("ends a trial that is worse than the median of enough others", () => {
    expect(goesOn(median, 9, [1, 2])).toBe(true);
    expect(goesOn(median, 9, [1, 2, 3])).toBe(false);
    expect(goesOn(median, 2, [1, 2, 3])).toBe(true);
    expect(goesOn(median, 2.5, [1, 2, 3, 4])).toBe(true);
    expect(goesOn(median, 3.5, [1, 2, 3, 4])).toBe(false);
  });

  test("measures ten times on the way, or as often as the file says", () => {
    expect(measuredSteps(search({ pruning: median }), 100).pruning(100)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90]);
    expect(measuredSteps(search({ pruning: { ...median, every: 40 } }), 100).pruning(100)).toEqual([40, 80]);
    // A sampler outside asked for far more steps.
    expect(measuredSteps(search({ pruning: median }), 100).pruning(1_000_000_000)).toHaveLength(999);
  });
});

test("early stopping waits for as many measurements without an improvement as its patience", () => {
  expect(hasStalled([3, 2, 2.5], 2)).toBe(false);
  expect(hasStalled([3, 2, 2.5, 2], 2)).toBe(true);
  expect(hasStalled([3, 2, 2.5, 1], 2)).toBe(false);
  const steps = measuredSteps(
    search({ pruning: { name: "halving", factor: 2, first: 25 }, stopEarly: { patience: 2, every: 20 } }),
    100,
  );
  expect(steps.stopping(100)).toEqual([20, 40, 60, 80]);
  expect(steps.all(100)).toEqual([20, 25, 40, 50, 60, 80]);
});
