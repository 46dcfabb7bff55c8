import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { exactShareInterval } from "../../../../services/verdicts/paired/exact-share.ts";
import { hallInterval } from "../../../../services/verdicts/paired/hall.ts";
import { normalTail } from "../../../../services/verdicts/paired/normal.ts";
import { pairedInterval, samplePaired } from "../../../../services/verdicts/paired/paired-interval.ts";
import type { Grouping, PairedSample } from "../../../../services/verdicts/paired/sample.ts";

/** Values that SciPy computed: golden.py beside the file. */
const golden = JSON.parse(readFileSync("test/fixtures/statistics/golden.json", "utf8")) as {
  readonly normalTails: readonly (readonly [x: number, tail: number])[];
  readonly shares: readonly (readonly [count: number, trials: number, level: number, low: number, high: number])[];
  readonly hall: readonly {
    readonly name: string;
    readonly differences: readonly number[];
    readonly level: number;
    readonly skewness: number;
    readonly interval: readonly [number, number];
  }[];
  readonly clusters: {
    readonly differences: readonly number[];
    readonly groups: readonly number[];
    readonly items: readonly number[];
    readonly independent: number;
    readonly oneWay: number;
    readonly twoWay: number;
    readonly bootstrapT: { readonly level: number; readonly interval: readonly [number, number] };
  };
  readonly bootstrapT: readonly {
    readonly name: string;
    readonly level: number;
    readonly interval: readonly [number, number];
  }[];
};

async function sampleOf(differences: readonly number[], groupings: readonly Grouping[] = []): Promise<PairedSample> {
  const sample = await samplePaired(Float64Array.from(differences), groupings, 1);
  if (sample === undefined) throw new Error("no sample");
  return sample;
}

function grouping(codes: readonly number[]): Grouping {
  return { codes: Int32Array.from(codes), count: Math.max(...codes) + 1 };
}

const close = (value: number, expected: number, relative: number) =>
  expect(Math.abs(value - expected)).toBeLessThanOrEqual(relative * Math.abs(expected));

describe("agrees with SciPy", () => {
  test("on tails of the normal distribution", () => {
    for (const [x, tail] of golden.normalTails) close(normalTail(x), tail, 1e-12);
  });

  test.each(golden.shares)("on the exact interval of %i in %i at level %f", (count, trials, level, low, high) => {
    const interval = exactShareInterval(count, trials, level);
    close(interval[0], low, 1e-7);
    close(interval[1], high, 1e-7);
  });

  test.each(golden.hall)("on Hall's interval of the $name rows at level $level", async (rows) => {
    const sample = await sampleOf(rows.differences);
    close(sample.skewness.curvature, rows.skewness, 1e-4);
    const interval = hallInterval(sample, rows.level);
    // The fixture's differences have six decimals.
    for (const end of [0, 1] as const) expect(interval[end]).toBeCloseTo(rows.interval[end], 5);
  });

  test("on standard errors of independent, grouped and crossed rows", async () => {
    const { differences, groups, items, independent, oneWay, twoWay } = golden.clusters;
    close((await sampleOf(differences)).standardError, independent, 1e-5);
    close((await sampleOf(differences, [grouping(groups)])).standardError, oneWay, 1e-5);
    close((await sampleOf(differences, [grouping(groups), grouping(items)])).standardError, twoWay, 1e-5);
  });

  test("on bootstrap-t intervals, up to the noise of resampling", async () => {
    const cases = [
      ...golden.bootstrapT.map(({ name, ...expected }) => ({
        ...expected,
        sample: sampleOf(golden.hall.find((rows) => rows.name === name)?.differences ?? []),
      })),
      {
        ...golden.clusters.bootstrapT,
        sample: sampleOf(golden.clusters.differences, [grouping(golden.clusters.groups)]),
      },
    ];
    for (const { level, interval, sample } of cases) {
      const found = await pairedInterval(await sample, level);
      // 2,000 resamples place an end within about 5 % of the half width.
      const half = (interval[1] - interval[0]) / 2;
      for (const end of [0, 1] as const) expect(Math.abs(found[end] - interval[end])).toBeLessThan(0.15 * half);
    }
  });
});

test("four rows by hand", async () => {
  // Mean 3; residuals -2, -1, 0, 3: squares 14, cubes 18.
  const sample = await sampleOf([1, 2, 3, 6]);
  expect(sample.mean).toBe(3);
  expect(sample.standardError).toBeCloseTo(Math.sqrt(14 / 3 / 4), 12);
  expect(sample.skewness.shift).toBeCloseTo(18 / 4 / (14 / 4) ** 1.5, 12);
  // Two groups, {1, 2} and {3, 6}: residual sums -3 and 3, so the variance of the mean is (9 + 9) (2 / 1) / 4^2.
  const grouped = await sampleOf([1, 2, 3, 6], [grouping([0, 0, 1, 1])]);
  expect(grouped.standardError).toBeCloseTo(Math.sqrt(18 * 2) / 4, 12);
});
