import { describe, expect, test } from "vitest";
import { runModelTests } from "../../../../services/learning/model-tests/run-model-tests.ts";
import type { TestSubject } from "../../../../services/learning/model-tests/subject.ts";
import type { ModelTest } from "../../../../services/pipeline/model-test.ts";
import { type PlantedRow, predictorOf, subjectOf } from "../../../helpers/test-subjects.ts";

const base = { name: "the test", onFailure: "refuse", rows: 1000, allowed: 0 } as const;

async function outcomeOf(test: ModelTest, subject: TestSubject) {
  const [outcome] = await runModelTests([test], subject);
  if (outcome === undefined) throw new Error("no outcome");
  return outcome;
}

const resultOf = async (test: ModelTest, subject: TestSubject) => (await outcomeOf(test, subject)).result;

describe("monotone", () => {
  const falling: ModelTest = { ...base, kind: "monotone", column: "price", direction: "decreasing" };
  const linear = ({ price, bid }: PlantedRow) => 10 - price + bid;

  test("passes a model that falls with the price, and fails it for the other direction", async () => {
    expect(await resultOf(falling, subjectOf(linear))).toMatchObject({
      rows: 1000,
      violations: 0,
      worst: 0,
      passed: true,
    });
    const rising = await resultOf({ ...falling, direction: "increasing" }, subjectOf(linear));
    expect(rising).toMatchObject({ violations: 1000, passed: false });
    expect(rising.worst).toBeCloseTo(10, 0);
  });

  test("finds a narrow region that is not monotone, only in the rows that have it", async () => {
    // Where the bid is high, demand rises by 1 between prices of 6 and 7.
    const bumpy = (row: PlantedRow) => linear(row) + (row.bid > 0.9 && row.price > 6 ? 2 : 0);
    const { result, worstRows } = await outcomeOf(falling, subjectOf(bumpy));
    expect(result.passed).toBe(false);
    const { bid } = subjectOf(bumpy).table.columns;
    const isHigh = (row: number) => bid?.kind === "numeric" && (bid.values[row] as number) > 0.9;
    const high = Array.from({ length: 1000 }, (_, row) => row).filter(isHigh);
    expect(result.violations).toBe(high.length);
    expect(worstRows).toHaveLength(3);
    expect(worstRows.every(isHigh)).toBe(true);
  });

  test("adds up small steps in the wrong direction", async () => {
    const creeping = ({ price }: PlantedRow) => 0.01 * price;
    const tolerant = { ...falling, tolerance: 0.02 };
    const result = await resultOf(tolerant, subjectOf(creeping));
    expect(result).toMatchObject({ violations: 1000, passed: false });
    expect(await resultOf({ ...falling, tolerance: 0.11 }, subjectOf(creeping))).toMatchObject({ passed: true });
  });

  test("does not blame rounding: a constant with noise in its last bits passes", async () => {
    const noisy = ({ price }: PlantedRow) => 100 + 1e-5 * Math.sin(1000 * price);
    expect(await resultOf(falling, subjectOf(noisy))).toMatchObject({ violations: 0, passed: true });
  });

  test("takes the named coordinate of a wide output", async () => {
    const output = { name: "p", width: 2, meaning: "probabilities", classes: ["no", "yes"] } as const;
    const subject = subjectOf(({ price }) => [price / 10, 1 - price / 10], { output });
    expect(await resultOf({ ...falling, output: "yes" }, subject)).toMatchObject({ violations: 0, passed: true });
    expect(await resultOf({ ...falling, output: "no" }, subject)).toMatchObject({ violations: 1000, passed: false });
    expect(await resultOf({ ...falling, output: 1 }, subject)).toMatchObject({ passed: true });
  });

  test("is skipped where the column does not vary", async () => {
    const subject = subjectOf(linear);
    const price = { kind: "numeric", width: 1, values: new Float32Array(2000).fill(3) } as const;
    const flat = { ...subject, table: { ...subject.table, columns: { ...subject.table.columns, price } } };
    expect(await resultOf(falling, flat)).toMatchObject({
      rows: 0,
      passed: true,
      skipped: "price has the same value in all rows",
    });
  });

  test("a prediction that is not finite violates every test, and has no distance", async () => {
    const broken = ({ price }: PlantedRow) => (price > 9.99 ? Number.NaN : 1);
    const unpredictable = await resultOf(
      falling,
      subjectOf(({ price }) => (price < 5 ? Number.NaN : 1)),
    );
    expect(unpredictable).toMatchObject({ violations: 1000, worst: null, passed: false });
    const bounded = await resultOf({ ...base, kind: "bounded", low: 0 }, subjectOf(broken, { rows: 20_000 }));
    expect(bounded.violations).toBe(await count(broken, 1000));
  });
});

/** How many of the first rows a model predicts as NaN. */
async function count(model: (row: PlantedRow) => number, rows: number): Promise<number> {
  const subject = subjectOf(model, { rows: 20_000 });
  return (await subject.predict(subject.table)).subarray(0, rows).filter(Number.isNaN).length;
}

describe("invariant", () => {
  const fair = ({ price }: PlantedRow) => price;
  const unfair = ({ price, country }: PlantedRow) => price + (country === "DE" ? 0.5 : 0);

  test("counts only rows that the change alters", async () => {
    const change = { set: { country: "US" } };
    const test: ModelTest = { ...base, kind: "invariant", change };
    const fine = await resultOf(test, subjectOf(fair));
    expect(fine).toMatchObject({ violations: 0, passed: true });
    // 40 % of the rows are of the US already.
    expect(fine.rows).toBeGreaterThan(550);
    expect(fine.rows).toBeLessThan(650);
    const found = await resultOf(test, subjectOf(unfair));
    expect(found.passed).toBe(false);
    expect(found.worst).toBeCloseTo(0.5, 3);
    // The 30 % of Germany.
    expect(found.violations).toBeGreaterThan(250);
    expect(found.violations).toBeLessThan(350);
  });

  test("a value that no row has, and a renamed one, reach the model", async () => {
    const french = ({ country }: PlantedRow) => (country === "FR" ? 1 : 0);
    const set: ModelTest = { ...base, kind: "invariant", change: { set: { country: "FR" } } };
    expect(await resultOf(set, subjectOf(french))).toMatchObject({ rows: 1000, violations: 1000, worst: 1 });
    const british = ({ country }: PlantedRow) => (country === "GB" ? 1 : 0);
    const map: ModelTest = { ...base, kind: "invariant", change: { map: { country: { UK: "GB" } } } };
    const renamed = await resultOf(map, subjectOf(british));
    expect(renamed.violations).toBe(renamed.rows);
    expect(renamed.rows).toBeLessThan(400);
  });

  test("scales and swaps", async () => {
    const cents: ModelTest = { ...base, kind: "invariant", change: { scale: { price: 100 } }, tolerance: 0.1 };
    expect(await resultOf(cents, subjectOf(fair))).toMatchObject({ passed: false });
    expect(
      await resultOf(
        cents,
        subjectOf(({ bid }) => bid),
      ),
    ).toMatchObject({ passed: true });
    const swap: ModelTest = { ...base, kind: "invariant", change: { swap: ["price", "bid"] } };
    expect(
      await resultOf(
        swap,
        subjectOf(({ price, bid }) => price + bid),
      ),
    ).toMatchObject({ passed: true });
    expect(await resultOf(swap, subjectOf(fair))).toMatchObject({ passed: false });
  });

  test("is skipped if the change alters nothing", async () => {
    const change = { map: { country: { FR: "DE" } } };
    expect(await resultOf({ ...base, kind: "invariant", change }, subjectOf(unfair))).toMatchObject({
      skipped: "the change alters none of the rows",
      passed: true,
    });
  });
});

test("directional: the change may not move the output the other way", async () => {
  const raised: ModelTest = {
    ...base,
    kind: "directional",
    change: { scale: { bid: 1.1 } },
    direction: "increasing",
  };
  expect(
    await resultOf(
      raised,
      subjectOf(({ bid }) => bid),
    ),
  ).toMatchObject({ passed: true });
  expect(
    await resultOf(
      raised,
      subjectOf(({ bid }) => -bid),
    ),
  ).toMatchObject({ violations: 1000, passed: false });
  expect(
    await resultOf(
      { ...raised, direction: "decreasing" },
      subjectOf(({ bid }) => -bid),
    ),
  ).toMatchObject({
    passed: true,
  });
});

test("bounded: both bounds, with a tolerance", async () => {
  const inside: ModelTest = { ...base, kind: "bounded", low: 0, high: 10 };
  expect(
    await resultOf(
      inside,
      subjectOf(({ price }) => price),
    ),
  ).toMatchObject({ violations: 0, passed: true });
  const above = await resultOf(
    inside,
    subjectOf(({ price }) => price + 5),
  );
  expect(above.passed).toBe(false);
  expect(above.worst).toBeCloseTo(5, 1);
  expect(
    await resultOf(
      { ...inside, tolerance: 5 },
      subjectOf(({ price }) => price + 5),
    ),
  ).toMatchObject({
    passed: true,
  });
  expect(
    await resultOf(
      { ...inside, high: 20, low: 1 },
      subjectOf(({ price }) => price),
    ),
  ).toMatchObject({
    passed: false,
  });
});

describe("allowed", () => {
  // 5 % of all rows.
  const rare = ({ bid }: PlantedRow) => (bid > 0.95 ? 2 : 0);
  const atMost = (allowed: number): ModelTest => ({ ...base, kind: "bounded", high: 1, allowed });

  test("a share that is not shown to be exceeded passes", async () => {
    expect(await resultOf(atMost(0.05), subjectOf(rare))).toMatchObject({ passed: true });
    expect(await resultOf(atMost(0.045), subjectOf(rare))).toMatchObject({ passed: true });
    expect(await resultOf(atMost(0.02), subjectOf(rare))).toMatchObject({ passed: false });
    expect(await resultOf(atMost(0), subjectOf(rare))).toMatchObject({ passed: false });
  });

  test("rows of the same group count as one that they share", async () => {
    // 40 groups of 25 rows; two of them violate it. 50 of 1,000 rows could exceed 2 %, 2 of 40 groups do not show it.
    const codes = Int32Array.from({ length: 1000 }, (_, row) => Math.floor(row / 25));
    const subject = subjectOf(() => 0, { rows: 1000 });
    const predict: TestSubject["predict"] = async ({ rows, columns }) => {
      const bid = columns.bid?.kind === "numeric" ? columns.bid.values : new Float32Array(rows);
      return Float32Array.from({ length: rows }, (_, row) => ((bid[row] as number) < 2 ? 2 : 0));
    };
    const bid = { kind: "numeric", width: 1, values: Float32Array.from(codes) } as const;
    const planted = { ...subject, table: { rows: 1000, columns: { ...subject.table.columns, bid } }, predict };
    expect(await resultOf(atMost(0.02), planted)).toMatchObject({ violations: 50, passed: false });
    const grouped = { ...planted, groupings: [{ codes, count: 40 }] };
    expect(await resultOf(atMost(0.02), grouped)).toMatchObject({ violations: 50, passed: true });
  });
});

describe("slice", () => {
  const slice: ModelTest = {
    name: "the slice",
    kind: "slice",
    onFailure: "warn",
    rows: 10_000,
    where: { country: "DE" },
  };
  /** Right everywhere but in one country. */
  const biased = ({ price, country }: PlantedRow) => 10 - price + (country === "DE" ? 2 : 0);
  const right = ({ price }: PlantedRow) => 10 - price;

  test("finds a loss above an absolute limit, and one relative to all rows", async () => {
    // The squared error is 1 of noise and 4 of the bias.
    const absolute = await resultOf({ ...slice, lossAtMost: 3 }, subjectOf(biased));
    expect(absolute).toMatchObject({ passed: false, violations: absolute.rows });
    expect(absolute.worst).toBeCloseTo(2, 0);
    expect(await resultOf({ ...slice, lossAtMost: 6 }, subjectOf(biased))).toMatchObject({ passed: true });
    const relative: ModelTest = { ...slice, lossRelativeToAll: 1.5 };
    expect(await resultOf(relative, subjectOf(biased))).toMatchObject({ passed: false });
    expect(await resultOf(relative, subjectOf(right))).toMatchObject({ passed: true, violations: 0 });
    // 5 / (0.3 x 5 + 0.7 x 1) = 2.27.
    expect(await resultOf({ ...slice, lossRelativeToAll: 2.6 }, subjectOf(biased))).toMatchObject({ passed: true });
  });

  test("other slices of the same model pass", async () => {
    const other: ModelTest = { ...slice, where: { country: "US", price: { low: 2, high: 8 } }, lossAtMost: 1.4 };
    const found = await resultOf(other, subjectOf(biased));
    expect(found).toMatchObject({ passed: true });
    // 40 % of 60 %.
    expect(found.rows / 2000).toBeCloseTo(0.24, 1);
  });

  test("names the rows with the largest losses", async () => {
    const { worstRows } = await outcomeOf({ ...slice, lossAtMost: 3 }, subjectOf(biased));
    const { country } = subjectOf(biased).table.columns;
    expect(worstRows).toHaveLength(3);
    expect(worstRows.every((row) => country?.kind === "categorical" && country.codes[row] === 0)).toBe(true);
  });

  test("is skipped with too few rows, and takes labels that the model does not read", async () => {
    const few: ModelTest = { ...slice, where: { price: { low: 9.99 } }, lossAtMost: 0 };
    expect((await resultOf(few, subjectOf(biased))).skipped).toMatch(
      /are in the slice, and the test needs at least 30$/,
    );
    const codes = Int32Array.from({ length: 2000 }, (_, row) => row % 2);
    const device = { kind: "categorical", width: 1, codes, dictionary: ["tv", "phone"] } as const;
    const labeled = subjectOf(biased, { labels: { device } });
    expect(await resultOf({ ...slice, where: { device: "tv" }, lossAtMost: 9 }, labeled)).toMatchObject({
      rows: 1000,
      passed: true,
    });
  });
});

describe("agreement", () => {
  const agreement: ModelTest = { ...base, kind: "agreement", allowed: 0.05, within: 0.1 };

  test("is about outputs, or about the most probable class", async () => {
    const before = ({ price }: PlantedRow) => price;
    const moved = ({ price, bid }: PlantedRow) => price + (bid > 0.8 ? 1 : 0.05);
    expect(await resultOf(agreement, subjectOf(moved, { previous: predictorOf(before) }))).toMatchObject({
      passed: false,
    });
    expect(
      await resultOf({ ...agreement, allowed: 0.25 }, subjectOf(moved, { previous: predictorOf(before) })),
    ).toMatchObject({ passed: true });
    const output = { name: "p", width: 2, meaning: "probabilities", classes: ["no", "yes"] } as const;
    const { within: _, ...classes } = agreement;
    const half = ({ price }: PlantedRow) => [price / 10, 1 - price / 10];
    const turned = ({ price }: PlantedRow) => [1 - price / 10, price / 10];
    expect(await resultOf(classes, subjectOf(half, { output, previous: predictorOf(half) }))).toMatchObject({
      violations: 0,
      passed: true,
    });
    expect(await resultOf(classes, subjectOf(half, { output, previous: predictorOf(turned) }))).toMatchObject({
      violations: 1000,
      worst: null,
      passed: false,
    });
  });

  test("is skipped without a previous snapshot", async () => {
    expect(
      await resultOf(
        agreement,
        subjectOf(({ price }) => price),
      ),
    ).toMatchObject({
      passed: true,
      skipped: "there is no previous snapshot",
    });
  });
});

test("each test takes the first rows of the sample, in one pass over them", async () => {
  let predicted = 0;
  const subject = subjectOf(({ price }) => price);
  const counting: TestSubject = {
    ...subject,
    predict(table) {
      predicted += table.rows;
      return subject.predict(table);
    },
  };
  const bounded = (rows: number): ModelTest => ({ ...base, name: `${rows}`, kind: "bounded", low: 0, rows });
  const outcomes = await runModelTests([bounded(10), bounded(500), bounded(50_000)], counting);
  expect(outcomes.map(({ result }) => result.rows)).toEqual([10, 500, 2000]);
  expect(predicted).toBe(2000);
});
