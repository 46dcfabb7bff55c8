import { describe, expect, test } from "vitest";
import { createRandom } from "../../../../services/data/random/random.ts";
import { compareFamily, type FamilyMember, familyMember } from "../../../../services/verdicts/paired/compare-family.ts";
import { hallInterval } from "../../../../services/verdicts/paired/hall.ts";
import { drawRows, rowKind } from "../../../helpers/loss-rows.ts";

const UNITS = 1000;
const SETTINGS = { level: 0.95, minimumEffect: 0 };
const SAMPLES = 2000;
/** 5 % of samples, and three standard deviations. */
const MOST_WRONG = 0.05 * SAMPLES + 3 * Math.sqrt(0.05 * 0.95 * SAMPLES);

/** A member whose mean is so many standard errors of 1; the current loss is 1,000. */
function member(mean: number, change: Partial<FamilyMember["sample"]> = {}): FamilyMember {
  const skewness = { shift: 0, curvature: 0 };
  return { sample: { mean, units: UNITS, standardError: 1, skewness, ...change }, rows: UNITS, currentLoss: 1000 };
}

const kinds = (members: readonly FamilyMember[], settings = SETTINGS) =>
  compareFamily(members, settings).map(({ kind }) => kind);

describe("a family of comparisons", () => {
  test.each([
    ["independent", 0],
    ["that share what they are compared with", 0.5],
  ])("of differences %s of 0 seldom has any that is called changed", (_, shared) => {
    const random = createRandom(7, "family");
    let wrong = 0;
    for (let i = 0; i < SAMPLES; i++) {
      const common = Math.sqrt(shared) * random.gaussian();
      const members = Array.from({ length: 20 }, () => member(common + Math.sqrt(1 - shared) * random.gaussian()));
      if (kinds(members).some((kind) => kind !== "inconclusive")) wrong++;
    }
    expect(wrong).toBeLessThanOrEqual(MOST_WRONG);
    // Without a correction: 64 % of independent ones.
    expect(wrong).toBeGreaterThan(0.01 * SAMPLES);
  });

  test("seldom has any wrongly called equivalent, also if all differ clearly from 0", () => {
    const random = createRandom(8, "family");
    let wrong = 0;
    for (let i = 0; i < SAMPLES; i++) {
      // Each has exactly the smallest effect that matters, ten standard errors.
      const members = Array.from({ length: 20 }, () => member(10 + random.gaussian()));
      if (kinds(members, { ...SETTINGS, minimumEffect: 0.01 }).includes("equivalent")) wrong++;
    }
    expect(wrong).toBeLessThanOrEqual(MOST_WRONG);
    expect(wrong).toBeGreaterThan(0.005 * SAMPLES);
  });

  test("calls those within the smallest effect equivalent", () => {
    const settings = { ...SETTINGS, minimumEffect: 0.01 };
    expect(kinds([member(1), member(-2), member(30)], settings)).toEqual(["equivalent", "equivalent", "degraded"]);
  });

  test("tests the clearest first: its error is divided by all, that of the last by none", () => {
    const compared = compareFamily([member(-2.1), member(9), member(2.5)], SETTINGS);
    expect(compared.map(({ kind }) => kind)).toEqual(["improved", "degraded", "degraded"]);
    expect(compared.map(({ level }) => level.toFixed(4))).toEqual(["0.9500", "0.9833", "0.9750"]);
    for (const { interval, difference, kind } of compared) {
      expect(interval[0] > 0 || interval[1] < 0).toBe(kind !== "inconclusive");
      expect(interval[0] < difference && difference < interval[1]).toBe(true);
    }
    // Alone it would be improved; beside two that say nothing it is not.
    expect(kinds([member(-2.1), member(0.1), member(0.2)])[0]).toBe("inconclusive");
  });

  test("counts neither members with too few rows nor those that are the same in every row", () => {
    const few = member(5, { units: 12 });
    const same = member(0, { standardError: 0 });
    const compared = compareFamily([member(-2.1), few, same, same], SETTINGS);
    expect(compared[0]).toMatchObject({ kind: "improved", level: 0.95 });
    expect(compared[1]).toMatchObject({ kind: "inconclusive", reason: "too-few-rows" });
    expect(compared[2]).toMatchObject({ kind: "inconclusive", difference: 0, interval: [0, 0] });
    expect(kinds([same], { ...SETTINGS, minimumEffect: 0.01 })).toEqual(["equivalent"]);
    expect(compareFamily([], SETTINGS)).toEqual([]);
  });

  test("takes rows of users as users, and knows rows that cannot be compared", async () => {
    const { differences, groupings } = drawRows(rowKind("groups that dominate"), UNITS, 5);
    const current = new Float64Array(UNITS).fill(10);
    const candidate = current.map((loss, row) => loss + (differences[row] as number));
    const rows = await familyMember(current, candidate, { groupings: [], seed: 1 });
    const users = await familyMember(current, candidate, { groupings, seed: 1 });
    expect(users?.sample.units).toBe(groupings[0]?.count);
    expect(users?.sample.standardError).toBeGreaterThan(2 * (rows?.sample.standardError ?? Number.NaN));
    expect(users).toMatchObject({ rows: UNITS, currentLoss: 10 });
    candidate[3] = Number.NaN;
    expect(await familyMember(current, candidate, { groupings: [], seed: 1 })).toBeUndefined();
  });
});

test("the interval of rows that do not differ is a point, however few they are", () => {
  for (const units of [2, 3, 30]) {
    const { sample } = member(0, { units, standardError: 0 });
    for (const level of [0.95, 0.9999]) expect(hallInterval(sample, level)).toEqual([0, 0]);
  }
});
