import { describe, expect, test } from "vitest";
import { pairedBootstrap, seedOf } from "../../../services/verdicts/bootstrap.ts";

/** A small generator of its own, so that what is tested does not also make the data. */
function gaussians(count: number, seed: number): Float64Array {
  let state = seed >>> 0;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float64Array.from({ length: count }, () => {
    return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  });
}
const shifted = (values: Float64Array, by: Float64Array, scale: number, mean: number) =>
  values.map((value, row) => value + mean + scale * (by[row] as number));

describe("paired bootstrap", () => {
  test.each([200, 10_000, 15_000, 25_000, 100_003])("agrees with the normal interval for %i rows", async (rows) => {
    const current = gaussians(rows, 1);
    const differences = gaussians(rows, 2);
    const candidate = shifted(current, differences, 0.5, 0.1);
    const result = await pairedBootstrap(current, candidate, 7);
    const mean = candidate.reduce((sum, value, row) => sum + value - (current[row] as number), 0) / rows;
    const variance =
      candidate.reduce((sum, value, row) => sum + (value - (current[row] as number) - mean) ** 2, 0) / rows;
    const half = 1.96 * Math.sqrt(variance / rows);
    expect(result?.difference).toBeCloseTo(mean, 10);
    const [low, high] = result?.interval ?? [0, 0];
    // 2,000 resamples place an end within about 5 % of the half width.
    expect(Math.abs(low - (mean - half)) / half).toBeLessThan(0.15);
    expect(Math.abs(high - (mean + half)) / half).toBeLessThan(0.15);
  });

  test("covers the true difference in about 95 of 100 samples", async () => {
    let covered = 0;
    for (let trial = 0; trial < 200; trial++) {
      const current = gaussians(100, 3 * trial + 1);
      const candidate = shifted(current, gaussians(100, 3 * trial + 2), 1, 0.3);
      const result = await pairedBootstrap(current, candidate, trial);
      const [low, high] = result?.interval ?? [0, 0];
      if (low <= 0.3 && 0.3 <= high) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(180);
    expect(covered).toBeLessThanOrEqual(199);
  });

  test("pairing makes a small common shift plain that unpaired noise would hide", async () => {
    const current = gaussians(1000, 5).map((value) => 100 + 50 * value);
    const result = await pairedBootstrap(current, shifted(current, gaussians(1000, 6), 0.01, -0.01), 1);
    expect(result?.interval[1]).toBeLessThan(0);
  });

  test("the same seed gives the same interval, another seed another one", async () => {
    const current = gaussians(500, 1);
    const candidate = gaussians(500, 2);
    const once = await pairedBootstrap(current, candidate, seedOf("demo", "m1", 3));
    expect(await pairedBootstrap(current, candidate, seedOf("demo", "m1", 3))).toEqual(once);
    expect((await pairedBootstrap(current, candidate, seedOf("demo", "m1", 4)))?.interval).not.toEqual(once?.interval);
  });

  test("equal losses differ by exactly nothing", async () => {
    const losses = gaussians(100, 1);
    expect(await pairedBootstrap(losses, losses.slice(), 1)).toEqual({ difference: 0, interval: [0, 0] });
  });

  test.each([
    ["NaN", [1, Number.NaN], [1, 2]],
    ["infinity", [1, 2], [1, Number.POSITIVE_INFINITY]],
    ["infinity on both sides", [1, Number.POSITIVE_INFINITY], [1, Number.POSITIVE_INFINITY]],
    ["a single row", [1], [2]],
    ["rows that do not pair", [1, 2, 3], [1, 2]],
  ])("gives no interval for %s", async (_, current, candidate) => {
    expect(await pairedBootstrap(Float64Array.from(current), Float64Array.from(candidate), 1)).toBeUndefined();
  });

  test("other work gets its turn while it runs", async () => {
    let turns = 0;
    let running = true;
    const others = (async () => {
      while (running) {
        await new Promise((resolve) => setImmediate(resolve));
        turns++;
      }
    })();
    await pairedBootstrap(gaussians(10_000, 1), gaussians(10_000, 2), 1);
    running = false;
    await others;
    expect(turns).toBeGreaterThanOrEqual(15);
  });
});
