import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hallInterval, hallPValue } from "../../../../services/verdicts/paired/hall.ts";
import { intervalMethod, pairedInterval, samplePaired } from "../../../../services/verdicts/paired/paired-interval.ts";
import type { Grouping, PairedSample } from "../../../../services/verdicts/paired/sample.ts";
import { createSharedWeights } from "../../../../services/verdicts/paired/shared-weights.ts";
import { drawRows, rowKind } from "../../../helpers/loss-rows.ts";

async function sampled(
  differences: Float64Array,
  groupings: readonly Grouping[] = [],
  seed = 1,
): Promise<PairedSample> {
  const sample = await samplePaired(differences, groupings, seed);
  if (sample === undefined) throw new Error("no sample");
  return sample;
}

const normal = (rows: number, seed = 1) => drawRows(rowKind("independent, normal"), rows, seed).differences;

/** Rows that have a mean and a spread. */
const someRows = fc
  .array(fc.integer({ min: -1000, max: 1000 }), { minLength: 20, maxLength: 60 })
  .filter((values) => new Set(values).size > 3)
  .map((values) => Float64Array.from(values, (value) => value / 64));

describe("interval of a mean difference", () => {
  test("is the same with shared weights, also when rows and seeds change in between", async () => {
    const drawShared = createSharedWeights();
    const groups: Grouping = { codes: Int32Array.from({ length: 60 }, (_, row) => row % 7), count: 7 };
    const others: Grouping = { codes: groups.codes.map((code) => (code === 0 ? 1 : code)), count: 7 };
    for (const [rows, seed, grouping] of [
      [60, 1],
      [60, 1, groups],
      [60, 1, groups],
      [60, 1, others],
      [60, 2],
      [3000, 2],
      [3000, 2],
    ] as const) {
      const differences = normal(rows, seed + rows);
      const groupings = grouping === undefined ? [] : [grouping];
      const shared = await samplePaired(differences, groupings, seed, drawShared);
      const alone = await sampled(differences, groupings, seed);
      expect(await pairedInterval(shared as PairedSample, 0.95)).toEqual(await pairedInterval(alone, 0.95));
    }
  });

  test.each([200, 15_000])("is the normal one for %i normal rows", async (rows) => {
    const differences = normal(rows).map((value) => 0.5 * value + 0.1);
    const sample = await sampled(differences);
    const [low, high] = await pairedInterval(sample, 0.95);
    const half = 1.96 * sample.standardError;
    expect(sample.standardError).toBeCloseTo(0.5 / Math.sqrt(rows), 1 + Math.log10(rows) / 2);
    // 2,000 resamples place an end within about 5 % of the half width.
    expect(Math.abs(low - (sample.mean - half)) / half).toBeLessThan(0.15);
    expect(Math.abs(high - (sample.mean + half)) / half).toBeLessThan(0.15);
    expect(hallInterval(sample, 0.95)[0] - (sample.mean - half)).toBeLessThan(0.05 * half);
  });

  test("of groups with a common effect is far wider than that of their rows", async () => {
    const { differences, groupings } = drawRows(rowKind("groups that dominate"), 1000, 1);
    const ofRows = (await sampled(differences)).standardError;
    const ofGroups = await sampled(differences, groupings);
    // 100 groups of 10 rows with an intraclass correlation of 0.9: sqrt(1 + 9 * 0.9) = 3.
    expect(ofGroups.standardError / ofRows).toBeGreaterThan(2.5);
    expect(ofGroups.units).toBe(100);
    const [low, high] = await pairedInterval(ofGroups, 0.95);
    expect(high - low).toBeGreaterThan(2.5 * 2 * 1.9 * ofRows);
  });

  test("of crossed groups covers the effects of both", async () => {
    const { differences, groupings } = drawRows(rowKind("crossed, effects as large as the noise"), 1000, 1);
    const both = (await sampled(differences, groupings)).standardError;
    for (const grouping of groupings) {
      expect(both).toBeGreaterThan((await sampled(differences, [grouping])).standardError);
    }
  });

  test("leans to the side of the tail", async () => {
    const { differences } = drawRows(rowKind("skewed: exponential"), 200, 2);
    const sample = await sampled(differences);
    for (const [low, high] of [await pairedInterval(sample, 0.95), hallInterval(sample, 0.95)]) {
      expect(high - sample.mean).toBeGreaterThan(1.1 * (sample.mean - low));
    }
  });

  test("is resampled up to a level of 99 %, and in closed form above", async () => {
    expect([0.9, 0.99, 0.991, 0.9999].map(intervalMethod)).toEqual(["bootstrap-t", "bootstrap-t", "hall", "hall"]);
    const sample = await sampled(normal(500));
    expect(await pairedInterval(sample, 0.999)).toEqual(hallInterval(sample, 0.999));
  });

  test("with the same seed is the same, with another seed another one", async () => {
    const once = await pairedInterval(await sampled(normal(500), [], 7), 0.95);
    expect(await pairedInterval(await sampled(normal(500), [], 7), 0.95)).toEqual(once);
    expect(await pairedInterval(await sampled(normal(500), [], 8), 0.95)).not.toEqual(once);
  });

  test("of equal differences is that difference", async () => {
    expect(await pairedInterval(await sampled(new Float64Array(100)), 0.95)).toEqual([0, 0]);
    expect(await pairedInterval(await sampled(new Float64Array(100).fill(0.5)), 0.95)).toEqual([0.5, 0.5]);
  });

  test("needs two rows, and two groups of each level", async () => {
    expect(await samplePaired(Float64Array.of(1), [], 1)).toBeUndefined();
    expect(await samplePaired(normal(50), [{ codes: new Int32Array(50), count: 1 }], 1)).toBeUndefined();
  });

  test("other work gets its turn while it is computed", async () => {
    for (const [kind, rows] of [
      ["independent, normal", 10_000],
      ["crossed, no effects", 10_000],
    ] as const) {
      const { differences, groupings } = drawRows(rowKind(kind), rows, 1);
      let turns = 0;
      let running = true;
      const others = (async () => {
        while (running) {
          await new Promise((resolve) => setImmediate(resolve));
          turns++;
        }
      })();
      await pairedInterval(await sampled(differences, groupings), 0.95);
      running = false;
      await others;
      expect(turns).toBeGreaterThanOrEqual(8);
    }
  });
});

describe("for any rows", () => {
  test("swapping current and candidate mirrors the interval", async () => {
    await fc.assert(
      fc.asyncProperty(someRows, fc.constantFrom(0.9, 0.95, 0.999), async (differences, level) => {
        const [low, high] = await pairedInterval(await sampled(differences), level);
        const [mirroredLow, mirroredHigh] = await pairedInterval(
          await sampled(differences.map((value) => -value)),
          level,
        );
        expect(mirroredLow).toBeCloseTo(-high, 8);
        expect(mirroredHigh).toBeCloseTo(-low, 8);
      }),
      { numRuns: 25 },
    );
  });

  test("losses in another unit have the interval in that unit", async () => {
    await fc.assert(
      fc.asyncProperty(someRows, async (differences) => {
        const interval = await pairedInterval(await sampled(differences), 0.95);
        const scaled = await pairedInterval(await sampled(differences.map((value) => 1024 * value)), 0.95);
        expect(scaled).toEqual(interval.map((end) => 1024 * end));
      }),
      { numRuns: 25 },
    );
  });

  test("groups of one row each are independent rows", async () => {
    await fc.assert(
      fc.asyncProperty(someRows, async (differences) => {
        const codes = Int32Array.from(differences.keys());
        const grouped = await sampled(differences, [{ codes, count: differences.length }]);
        const alone = await sampled(differences);
        expect(grouped.standardError).toBe(alone.standardError);
        expect(await pairedInterval(grouped, 0.95)).toEqual(await pairedInterval(alone, 0.95));
      }),
      { numRuns: 25 },
    );
  });

  test("the closed form excludes 0 exactly at levels below 1 - p, and widens with the level", async () => {
    await fc.assert(
      fc.asyncProperty(someRows, async (differences) => {
        const sample = await sampled(differences);
        const p = hallPValue(sample);
        fc.pre(p > 1e-6 && p < 0.98);
        const excludes = (level: number) => {
          const [low, high] = hallInterval(sample, level);
          return low > 0 || high < 0;
        };
        // Slightly apart: both are computed in floating point.
        expect(excludes(1 - p - 0.01 * Math.min(p, 1 - p))).toBe(true);
        expect(excludes(1 - 0.99 * p)).toBe(false);
        const [low, high] = hallInterval(sample, 0.95);
        const [wideLow, wideHigh] = hallInterval(sample, 0.99);
        expect(wideLow).toBeLessThan(low);
        expect(wideHigh).toBeGreaterThan(high);
      }),
      { numRuns: 200 },
    );
  });
});
