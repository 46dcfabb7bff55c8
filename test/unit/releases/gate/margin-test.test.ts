import { expect, test } from "vitest";
import { createRandom } from "../../../../services/data/random/random.ts";
import type { LossPair } from "../../../../services/releases/gate/loss-meter.ts";
import {
  gateLevel,
  type MarginSample,
  measureMargin,
  testMargin,
} from "../../../../services/releases/gate/margin-test.ts";

async function measured(pair: LossPair, margin: number): Promise<MarginSample> {
  const sample = await measureMargin(pair, margin, 1);
  if (sample === undefined) throw new Error("no sample");
  return sample;
}

/** Squared errors; those of the candidate are higher by a factor on average, and share three quarters of a row's loss. */
function squaredErrors(rows: number, seed: number, factor: number, shift = 0): LossPair {
  const random = createRandom(seed, "squared errors");
  const reference = Float64Array.from({ length: rows }, () => random.gaussian() ** 2);
  const candidate = reference.map((loss) => factor * (0.75 * loss + 0.25 * random.gaussian() ** 2) - shift);
  return { reference: reference.map((loss) => loss - shift), candidate, groupings: [] };
}

test("the interval and what is shown agree, for losses of any sign", async () => {
  let [below, above] = [0, 0];
  for (let seed = 0; seed < 200; seed++) {
    const margin = seed % 2 === 0 ? 0.05 : 0;
    const shift = seed % 3 === 0 ? 3 : 0;
    const factor = [0.9, 1, 1.05, 1.15][seed % 4] as number;
    const sample = await measured(squaredErrors(400, seed, factor, shift), margin);
    const { interval, difference, isBelow, isShownBelow, isShownAbove } = testMargin(sample, 0.95);
    const [low, high] = interval ?? [Number.NaN, Number.NaN];
    expect(isShownBelow).toBe(high < margin);
    expect(isShownAbove).toBe(low > margin);
    expect(isBelow).toBe((difference ?? 0) < margin);
    expect(low).toBeLessThan(difference ?? 0);
    expect(high).toBeGreaterThan(difference ?? 0);
    below += isShownBelow ? 1 : 0;
    above += isShownAbove ? 1 : 0;
  }
  expect(below).toBeGreaterThan(20);
  expect(above).toBeGreaterThan(20);
});

test("an update exactly at the margin passes as seldom as the level says, of positive losses and of negative ones", async () => {
  for (const shift of [0, 3]) {
    let passed = 0;
    const trials = 2000;
    for (let seed = 0; seed < trials; seed++) {
      // The true losses are 1 - shift and factor - shift: 10 % of the former worse.
      const factor = 1 + 0.1 * Math.abs(1 - shift);
      if (testMargin(await measured(squaredErrors(400, seed, factor, shift), 0.1), 0.95).isShownBelow) passed += 1;
    }
    // 2.5 %, within three standard errors.
    expect(passed / trials).toBeLessThan(0.025 + 3 * Math.sqrt((0.025 * 0.975) / trials));
    expect(passed).toBeGreaterThan(20);
  }
});

test("a release whose loss is uncertain is no fixed margin", async () => {
  // The candidate is the release: worse by nothing, and the margin is 1 % of what 400 rows know only to 7 %.
  const reference = squaredErrors(400, 1, 1).reference;
  const { interval } = testMargin(await measured({ reference, candidate: reference, groupings: [] }, 0.01), 0.95);
  const [low, high] = interval ?? [0, 0];
  expect(high).toBeLessThan(0.01);
  expect(high - low).toBeGreaterThan(0.001);
});

test("stricter levels need more rows for a skewed tail", async () => {
  const random = createRandom(5, "rare");
  const reference = new Float64Array(600).fill(10);
  const candidate = reference.map((loss) => (random.uniform() < 0.03 ? loss + 5 : loss - 1) + 0.1 * random.gaussian());
  const sample = await measured({ reference, candidate, groupings: [] }, 0);
  const usual = testMargin(sample, 0.95);
  expect(usual).toMatchObject({ rowsNeeded: null, isShownBelow: true });
  const strict = testMargin(sample, gateLevel(200));
  expect(strict.rowsNeeded).toBeGreaterThan(600);
  expect(strict.isShownBelow).toBe(false);
  // As the squares of the quantiles, 3.66 and 1.96.
  const skewness = sample.moments.skewness.curvature;
  expect(strict.rowsNeeded).toBeCloseTo(15 * skewness ** 2 * (3.6623 / 1.95996) ** 2, -1);
});

test("too few rows for any interval have no numbers in place of infinity", async () => {
  const few = { reference: Float64Array.of(1, 2, 3), candidate: Float64Array.of(1, 3, 2), groupings: [] };
  expect(testMargin(await measured(few, 0), gateLevel(200))).toMatchObject({ interval: null, rowsNeeded: 30 });
  expect(await measureMargin({ ...few, candidate: Float64Array.of(1, Number.NaN, 2) }, 0, 1)).toBeUndefined();
  expect(await measureMargin({ ...few, reference: few.reference.slice(0, 1) }, 0, 1)).toBeUndefined();
});

test("only a tail of rows that get worse needs more rows", async () => {
  const random = createRandom(5, "tails");
  const reference = Float64Array.from({ length: 300 }, () => Math.exp(1.5 * random.gaussian()));
  const level = gateLevel(200);
  const better = testMargin(
    await measured({ reference, candidate: reference.map((loss) => 0.02 * loss), groupings: [] }, 0),
    level,
  );
  expect(better).toMatchObject({ isShownBelow: true, rowsNeeded: null });
  // The same tail against the claim: all rows improve by 10, but for what a few lose.
  const candidate = reference.map((loss) => loss - 10 + 0.5 * loss);
  const worse = testMargin(await measured({ reference, candidate, groupings: [] }, 0), level);
  expect(worse).toMatchObject({ isBelow: true, isShownBelow: false });
  expect(worse.rowsNeeded).toBeGreaterThan(300);
});
