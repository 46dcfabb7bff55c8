import { describe, expect, test } from "vitest";
import { createRandom } from "../../../../services/data/random/random.ts";
import { type Evidence, isShown, isShownWorse } from "../../../../services/learning/model-tests/evidence.ts";

/** Evidence of a row test, by which rows violate it. */
function violating(rows: number, allowed: number, violates: (row: number) => boolean): Evidence {
  const values = Float64Array.from({ length: rows }, (_, row) => (violates(row) ? 1 : 0) - allowed);
  return { values, allowed, groupings: [] };
}

describe("an update is worse than what fails, too", () => {
  const before = violating(1000, 0, (row) => row < 100);

  test("if many more rows violate the test than stop to", async () => {
    expect(
      await isShownWorse(
        violating(1000, 0, (row) => row < 110),
        before,
      ),
    ).toBe(true);
    // 20 rows more, 15 others less.
    expect(
      await isShownWorse(
        violating(1000, 0, (row) => row >= 15 && row < 120),
        before,
      ),
    ).toBe(false);
    expect(
      await isShownWorse(
        violating(1000, 0, (row) => row >= 2 && row < 120),
        before,
      ),
    ).toBe(true);
  });

  test("not if it violates the same rows, or fewer", async () => {
    expect(await isShownWorse(before, before)).toBe(false);
    expect(
      await isShownWorse(
        violating(1000, 0, (row) => row < 50),
        before,
      ),
    ).toBe(false);
    expect(
      await isShownWorse(
        violating(1000, 0, (row) => row < 103),
        before,
      ),
    ).toBe(false);
  });

  test("of losses: if their difference is shown to be above 0", async () => {
    const random = createRandom(1, "evidence");
    const loss = Float64Array.from({ length: 500 }, () => random.gaussian() ** 2);
    const evidence = (values: Float64Array): Evidence => ({ values, groupings: [] });
    const shifted = (by: number) => evidence(loss.map((value) => value + by + 0.1 * random.gaussian()));
    expect(await isShownWorse(shifted(0.05), evidence(loss))).toBe(true);
    expect(await isShownWorse(shifted(0), evidence(loss))).toBe(false);
    expect(await isShownWorse(shifted(-0.05), evidence(loss))).toBe(false);
  });
});

test("fewer than 30 units show nothing, however clear it looks", async () => {
  const values = (rows: number) => Float64Array.from({ length: rows }, (_, row) => 5 + (row % 3));
  expect(await isShown({ values: values(29), groupings: [] })).toBe(false);
  expect(await isShown({ values: values(30), groupings: [] })).toBe(true);
  const groupings = [{ codes: Int32Array.from({ length: 290 }, (_, row) => Math.floor(row / 10)), count: 29 }];
  expect(await isShown({ values: values(290), groupings })).toBe(false);
});

test("a single violation is enough where none is allowed, in groups, too", async () => {
  const one = violating(100, 0, (row) => row === 3);
  const groupings = [{ codes: new Int32Array(100).map((_, row) => row % 5), count: 5 }];
  expect(await isShown(one)).toBe(true);
  expect(await isShown({ ...one, groupings })).toBe(true);
  expect(await isShown(violating(100, 0, () => false))).toBe(false);
});
