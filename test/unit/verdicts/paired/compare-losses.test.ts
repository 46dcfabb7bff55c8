import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { holmLevels } from "../../../../services/verdicts/paired/compare-family.ts";
import { type ComparisonSettings, compareLosses } from "../../../../services/verdicts/paired/compare-losses.ts";
import { compareSlices } from "../../../../services/verdicts/paired/compare-slices.ts";
import { FEWEST_UNITS, unitsNeeded } from "../../../../services/verdicts/paired/floor.ts";
import { measureHarm, negativeFlips } from "../../../../services/verdicts/paired/harm.ts";
import { limitLosses, lossBound } from "../../../../services/verdicts/paired/loss-limit.ts";
import { drawRows, rowKind } from "../../../helpers/loss-rows.ts";

const SETTINGS: ComparisonSettings = { groupings: [], level: 0.95, minimumEffect: 0, seed: 1 };

/** Losses around 10 whose differences are normal with this mean and deviation. */
function losses(rows: number, mean: number, deviation: number, seed = 1) {
  const current = drawRows(rowKind("independent, normal"), rows, 1000 + seed).differences.map((value) => 10 + value);
  const { differences } = drawRows(rowKind("independent, normal"), rows, seed);
  return { current, candidate: current.map((loss, row) => loss + mean + deviation * (differences[row] as number)) };
}

async function compared(rows: { current: Float64Array; candidate: Float64Array }, settings = {}) {
  const comparison = await compareLosses(rows.current, rows.candidate, { ...SETTINGS, ...settings });
  if (comparison === undefined) throw new Error("not compared");
  return comparison;
}

describe("the word for a difference", () => {
  test("is improved or degraded if the whole interval is on one side of 0", async () => {
    expect(await compared(losses(400, -0.5, 1))).toMatchObject({ kind: "improved" });
    expect(await compared(losses(400, 0.5, 1))).toMatchObject({ kind: "degraded" });
    expect(await compared(losses(400, 0, 1))).toMatchObject({ kind: "inconclusive" });
  });

  test("is equivalent if the whole interval is within the smallest effect that matters, wherever 0 is", async () => {
    const tiny = losses(400, -0.02, 0.05);
    expect(await compared(tiny)).toMatchObject({ kind: "improved" });
    expect(await compared(tiny, { minimumEffect: 0.005 })).toMatchObject({ kind: "equivalent" });
    // The interval is about -0.02 +- 0.005, of a loss of 10.
    expect(await compared(tiny, { minimumEffect: 0.001 })).toMatchObject({ kind: "improved" });
    expect(await compared(losses(400, 0, 1), { minimumEffect: 0.005 })).toMatchObject({ kind: "inconclusive" });
  });

  test("of losses that are all equal is inconclusive, and equivalent where a smallest effect is declared", async () => {
    const { current } = losses(100, 0, 1);
    const same = { current, candidate: current.slice() };
    expect(await compared(same)).toMatchObject({
      kind: "inconclusive",
      difference: 0,
      interval: [0, 0],
      rowsNeeded: null,
    });
    expect(await compared(same, { minimumEffect: 0.001 })).toMatchObject({ kind: "equivalent" });
  });

  test("is never given for too few rows, nor for too few groups", async () => {
    const tooFew = { kind: "inconclusive", reason: "too-few-rows" };
    expect(await compared(losses(FEWEST_UNITS - 1, 5, 1))).toMatchObject(tooFew);
    const codes = Int32Array.from({ length: 400 }, (_, row) => row % (FEWEST_UNITS - 1));
    const groupings = [{ codes, count: FEWEST_UNITS - 1 }];
    // As many rows as make the groups enough.
    const rowsNeeded = Math.ceil((400 * FEWEST_UNITS) / (FEWEST_UNITS - 1));
    expect(await compared(losses(400, 5, 1), { groupings })).toMatchObject({ ...tooFew, rowsNeeded });
  });

  test("is not given for a tail that so few rows cannot show, with the number of rows that would do", async () => {
    // One row in 100 is bad, and becomes far worse; all others become better by about 0.5.
    const { differences } = drawRows(rowKind("independent, normal"), 200, 1);
    const current = Float64Array.from({ length: 200 }, (_, row) => (row % 100 === 0 ? 10 : 1));
    const candidate = current.map((loss, row) =>
      row % 100 === 0 ? 100 : loss - 0.5 + 0.1 * (differences[row] as number),
    );
    const comparison = await compared({ current, candidate });
    expect(comparison).toMatchObject({ kind: "inconclusive", reason: "too-few-rows" });
    expect(comparison.skewness).toBeGreaterThan(9);
    const { rowsNeeded, skewness } = comparison;
    expect(rowsNeeded).toBe(unitsNeeded({ skewness: { shift: skewness, curvature: skewness } }));
    // With a declared limit, they can tell.
    const bound = lossBound(current, { bound: 2 });
    const limited = { current: limitLosses(current, bound), candidate: limitLosses(candidate, bound) };
    expect((await compared(limited)).kind).toBe("improved");
  });

  test("is not given for losses that are not finite or do not pair", async () => {
    const current = Float64Array.of(1, 2, 3);
    for (const candidate of [
      [1, Number.NaN, 3],
      [1, Number.POSITIVE_INFINITY, 3],
      [1, 2],
    ]) {
      expect(await compareLosses(current, Float64Array.from(candidate), SETTINGS)).toBeUndefined();
    }
  });
});

describe("what rows can tell apart", () => {
  test("a difference as large as the detectable one is decided in about 80 % of samples", async () => {
    let decided = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const { kind, detectable } = await compared(losses(100, 0.28, 1, seed), { seed });
      // 2.8 standard errors of 1 / sqrt(100).
      expect(detectable).toBeCloseTo(0.28, 0);
      if (kind === "degraded") decided++;
    }
    // 80 % of 150, and three standard deviations.
    expect(Math.abs(decided - 120)).toBeLessThanOrEqual(15);
  });

  test("the rows needed make the difference seen the detectable one", async () => {
    const few = await compared(losses(200, 0.05, 1));
    expect(few.kind).toBe("inconclusive");
    const needed = few.rowsNeeded as number;
    const scale = Math.sqrt(200 / needed);
    expect(few.detectable * scale).toBeCloseTo(Math.abs(few.difference), 3);
  });
});

describe("harm", () => {
  test("and gain add up to the difference, and the worst rows are the worst 1 %", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 500 }), (values) => {
        const differences = Float64Array.from(values);
        const { harm, gain, worst } = measureHarm(differences);
        expect(harm - gain).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 8);
        const count = Math.ceil(values.length / 100);
        const sorted = [...values].sort((a, b) => b - a).slice(0, count);
        expect(worst).toBeCloseTo(sorted.reduce((sum, value) => sum + value, 0) / count, 8);
        expect([...differences]).toEqual(values);
      }),
    );
  });

  test("of classifiers are rows that were right and are wrong now", async () => {
    const current = Float64Array.from({ length: 1000 }, (_, row) => (row < 100 ? 1 : 0));
    const candidate = current.map((loss, row) => (row % 50 === 0 ? 1 - loss : loss));
    const flips = await negativeFlips(current, candidate, SETTINGS);
    // Of 20 changed rows, 2 were wrong before. Clopper and Pearson by scipy.stats.binomtest(18, 1000).
    expect(flips).toMatchObject({ count: 18, rate: 0.018 });
    expect(flips.interval[0]).toBeCloseTo(0.0107, 4);
    expect(flips.interval[1]).toBeCloseTo(0.0283, 4);
    // In ten times as large groups that flip together, it is far wider.
    const codes = Int32Array.from({ length: 1000 }, (_, row) => Math.floor(row / 10));
    const together = current.map((_, row) => ((codes[row] as number) % 20 === 19 ? 1 : 0));
    const right = new Float64Array(1000);
    const grouped = { ...SETTINGS, groupings: [{ codes, count: 100 }] };
    const alone = await negativeFlips(right, together, SETTINGS);
    const clustered = await negativeFlips(right, together, grouped);
    const width = ([low, high]: readonly [number, number]) => high - low;
    expect(width(clustered.interval)).toBeGreaterThan(2.5 * width(alone.interval));
    const none = await negativeFlips(right, right, grouped);
    // None in 100 groups: 1 - 0.025^(1 / 100).
    expect(none.interval[1]).toBeCloseTo(0.0362, 4);
  });
});

test("a loss limit is a number, or a quantile of the current losses", () => {
  const current = Float64Array.from({ length: 101 }, (_, row) => 100 - row);
  expect(lossBound(current, { bound: 7 })).toBe(7);
  expect(lossBound(current, { quantile: 0.9 })).toBe(90);
  expect(limitLosses(Float64Array.of(-3, 5, 200), 90)).toEqual(Float64Array.of(-3, 5, 90));
});

describe("slices", () => {
  const rows = 1200;
  const device = Int32Array.from({ length: rows }, (_, row) => row % 3);
  const columns = [{ column: "device", codes: device, values: ["tv", "phone", "web"] }];

  test("find harm that the mean hides, and name the worst", async () => {
    const { current, candidate } = losses(rows, 0, 0.5);
    const shifted = candidate.map((loss, row) => loss + (device[row] === 0 ? 0.4 : -0.2));
    expect((await compared({ current, candidate: shifted })).kind).toBe("inconclusive");
    const { slices, worst, tooSmall } = await compareSlices(current, shifted, columns, SETTINGS);
    expect(slices.map(({ value, kind, rows: count }) => [value, kind, count])).toEqual([
      ["tv", "degraded", 400],
      ["phone", "improved", 400],
      ["web", "improved", 400],
    ]);
    expect(worst).toMatchObject({ column: "device", value: "tv" });
    expect(tooSmall).toEqual([]);
  });

  test("that are too small are named, and do not count against the others", async () => {
    const { current, candidate } = losses(rows, 0.3, 1);
    const codes = device.map((code, row) => (row === 0 ? 3 : row < 20 ? 4 : code));
    const withSmall = [{ column: "device", codes, values: ["tv", "phone", "web", "watch", "car"] }];
    const { slices, tooSmall } = await compareSlices(current, candidate, withSmall, SETTINGS);
    expect(tooSmall).toEqual([{ column: "device", value: "watch", rows: 1 }]);
    expect(slices.find(({ value }) => value === "car")).toMatchObject({ kind: "inconclusive", reason: "too-few-rows" });
    expect(slices.filter(({ kind }) => kind === "degraded")).toHaveLength(3);
  });

  test("of which none changes are rarely called changed, all together", async () => {
    let wrong = 0;
    const codes = Int32Array.from({ length: rows }, (_, row) => row % 12);
    const many = [{ column: "hour", codes, values: Array.from({ length: 12 }, (_, hour) => `${hour}`) }];
    for (let seed = 1; seed <= 200; seed++) {
      const { current, candidate } = losses(rows, 0, 1, seed);
      const { slices } = await compareSlices(current, candidate, many, SETTINGS);
      if (slices.some(({ kind }) => kind !== "inconclusive")) wrong++;
    }
    // 5 % of 200, and three standard deviations.
    expect(wrong).toBeLessThanOrEqual(19);
    expect(wrong).toBeGreaterThan(0);
  });

  test("are tested by Holm's procedure", () => {
    const round = (levels: readonly number[]) => levels.map((level) => Number(level.toFixed(6)));
    // 0.05 / 4, then / 3; the third p-value is above 0.05 / 2, where the procedure stops.
    expect(round(holmLevels([0.03, 0.001, 0.9, 0.01], 0.05))).toEqual([0.025, 0.0125, 0.025, 0.016667]);
    expect(round(holmLevels([0.02, undefined, 0.04], 0.05))).toEqual([0.025, 0.025, 0.05]);
    expect(holmLevels([], 0.05)).toEqual([]);
  });
});
