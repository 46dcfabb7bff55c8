import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { holmLevels } from "../../../../services/verdicts/paired/compare-family.ts";
import { exactShareInterval } from "../../../../services/verdicts/paired/exact-share.ts";
import { hallInterval } from "../../../../services/verdicts/paired/hall.ts";
import { normalTail } from "../../../../services/verdicts/paired/normal.ts";
import { pairedInterval, samplePaired } from "../../../../services/verdicts/paired/paired-interval.ts";
import type { Grouping, PairedSample } from "../../../../services/verdicts/paired/sample.ts";

/** What was computed elsewhere. */
interface Golden {
  readonly normalTails: readonly (readonly [x: number, tail: number])[];
  readonly shares: readonly (readonly [count: number, trials: number, level: number, low: number, high: number])[];
  readonly hall: readonly NamedInterval[];
  readonly clusters: {
    readonly independent: number;
    readonly oneWay: number;
    readonly twoWay: number;
    readonly bootstrapT: { readonly level: number; readonly interval: readonly [number, number] };
  };
  readonly bootstrapT: readonly NamedInterval[];
}

interface NamedInterval {
  readonly name: string;
  readonly level: number;
  readonly interval: readonly [number, number];
}

/** The rows that SciPy drew. */
interface GoldenRows {
  readonly hall: readonly {
    readonly name: string;
    readonly differences: readonly number[];
    readonly skewness: number;
  }[];
  readonly clusters: Readonly<Record<"differences" | "groups" | "items", readonly number[]>>;
}

const read = <T>(name: string) => JSON.parse(readFileSync(`test/fixtures/statistics/${name}`, "utf8")) as T;
/** By golden.py and golden.R beside them. */
const scipy = read<Golden>("golden.json");
const rows = read<GoldenRows>("golden.json");
const r = read<Golden & { holm: { alpha: number; p: readonly number[]; rejected: readonly boolean[] } }>(
  "golden-r.json",
);

function rowsOf(name: string) {
  const found = rows.hall.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no rows named ${name}`);
  return found;
}

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

describe.each([
  ["SciPy", scipy],
  ["R", r],
])("agrees with %s", (_, golden) => {
  test("on tails of the normal distribution", () => {
    for (const [x, tail] of golden.normalTails) close(normalTail(x), tail, 1e-12);
  });

  test.each(golden.shares)("on the exact interval of %i in %i at level %f", (count, trials, level, low, high) => {
    const interval = exactShareInterval(count, trials, level);
    close(interval[0], low, 1e-7);
    close(interval[1], high, 1e-7);
  });

  test.each(golden.hall)("on Hall's interval of the $name rows at level $level", async (expected) => {
    const { differences, skewness } = rowsOf(expected.name);
    const sample = await sampleOf(differences);
    close(sample.skewness.curvature, skewness, 1e-4);
    const interval = hallInterval(sample, expected.level);
    // The fixture's differences have six decimals.
    for (const end of [0, 1] as const) expect(interval[end]).toBeCloseTo(expected.interval[end], 5);
  });

  test("on standard errors of independent, grouped and crossed rows", async () => {
    const { independent, oneWay, twoWay } = golden.clusters;
    const { differences, groups, items } = rows.clusters;
    close((await sampleOf(differences)).standardError, independent, 1e-5);
    close((await sampleOf(differences, [grouping(groups)])).standardError, oneWay, 1e-5);
    close((await sampleOf(differences, [grouping(groups), grouping(items)])).standardError, twoWay, 1e-5);
  });

  test("on bootstrap-t intervals, up to the noise of resampling", async () => {
    const { differences, groups } = rows.clusters;
    const cases = [
      ...golden.bootstrapT.map(({ name, ...expected }) => ({
        ...expected,
        sample: sampleOf(rowsOf(name).differences),
      })),
      { ...golden.clusters.bootstrapT, sample: sampleOf(differences, [grouping(groups)]) },
    ];
    for (const { level, interval, sample } of cases) {
      const found = await pairedInterval(await sample, level);
      // 2,000 resamples place an end within about 5 % of the half width.
      const half = (interval[1] - interval[0]) / 2;
      for (const end of [0, 1] as const) expect(Math.abs(found[end] - interval[end])).toBeLessThan(0.15 * half);
    }
  });
});

test("Holm's procedure rejects what R rejects", () => {
  const { alpha, p, rejected } = r.holm;
  const levels = holmLevels(p, alpha);
  expect(p.map((value, i) => value < (levels[i] as number))).toEqual(rejected);
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
