import { describe, expect, test } from "vitest";
import type { Pipeline } from "../../../services/pipeline/pipeline.ts";
import { judgeSnapshot, type RowStructure } from "../../../services/verdicts/judgement.ts";
import { createSharedWeights } from "../../../services/verdicts/paired/shared-weights.ts";
import { twoComponents } from "../../helpers/linear-pipelines.ts";
import { drawRows, rowKind } from "../../helpers/loss-rows.ts";

const rows = 1000;
const { differences, groupings } = drawRows(rowKind("groups that dominate"), rows, 5);
const { differences: noise } = drawRows(rowKind("independent, normal"), rows, 3);
const independent: RowStructure = { groupings: [], slices: [] };

/** Losses around 10 under the current composition, and those plus `change` under the candidate. */
function judged(
  change: (row: number) => number,
  structure: RowStructure = independent,
  { pipeline = twoComponents, wrong }: { pipeline?: Pipeline; wrong?: readonly [Float64Array, Float64Array] } = {},
) {
  const current = noise.map((value) => 10 + value);
  const candidate = current.map((loss, row) => loss + change(row));
  const isCandidate = (composition: Readonly<Record<string, number>>) => composition.u === 2;
  return judgeSnapshot(
    { component: "u", serial: 2 },
    {
      pipeline,
      losses: {
        check: async () => {},
        prepare() {},
        output: async () => new Float32Array(rows),
        rowLosses: async (_, composition) => (isCandidate(composition) ? candidate : current),
        rowErrors: async (_, composition) => wrong?.[isCandidate(composition) ? 1 : 0],
      },
      structure,
      current: { u: 1, d: 1 },
      alternatives: () => [],
      proven: () => true,
      drawShared: createSharedWeights(),
      signal: new AbortController().signal,
    },
  );
}

describe("judging an update", () => {
  test("of rows that share users takes the users as the units", async () => {
    const mean = differences.reduce((sum, value) => sum + value, 0) / rows;
    // 0.15 worse: almost five standard errors of independent rows, but 1.6 of the 100 users, whose effects dominate.
    const change = (row: number) => 0.15 + (differences[row] as number) - mean;
    expect(await judged(change)).toMatchObject({ kind: "degraded" });
    const grouped = await judged(change, { groupings, slices: [] });
    expect(grouped.kind).toBe("inconclusive");
    expect(grouped.reason).toBeUndefined();
    expect(grouped.comparison?.rowsNeeded).toBeGreaterThan(rows);
  });

  test("says equivalent only with a declared smallest effect", async () => {
    const change = (row: number) => 0.01 + 0.01 * (differences[row] as number);
    expect((await judged(change)).kind).toBe("degraded");
    const pipeline: Pipeline = { ...twoComponents, verdict: { minimumEffect: 0.005 } };
    expect((await judged(change, independent, { pipeline })).kind).toBe("equivalent");
  });

  test("says too few rows, with a comparison, if the tail is missing", async () => {
    const { kind, reason, comparison } = await judged((row) => (row % 250 === 0 ? 200 : -1));
    expect({ kind, reason }).toEqual({ kind: "inconclusive", reason: "too-few-rows" });
    expect(comparison).toMatchObject({ reason: "too-few-rows" });
    expect(comparison?.rowsNeeded).toBeGreaterThan(rows);
    expect(comparison?.interval.every(Number.isFinite)).toBe(true);
  });

  test("limits losses where the pipeline file says so, but not harm", async () => {
    const pipeline: Pipeline = { ...twoComponents, verdict: { minimumEffect: 0, lossLimit: { quantile: 0.99 } } };
    const change = (row: number) => (row % 250 === 0 ? 200 : -1 + (noise[rows - 1 - row] as number));
    const { kind, comparison } = await judged(change, independent, { pipeline });
    expect(kind).toBe("improved");
    expect(comparison?.bound).toBeGreaterThan(11);
    const { currentLoss = 0, candidateLoss = 0, difference } = comparison ?? {};
    expect(candidateLoss - currentLoss).toBeCloseTo(difference ?? Number.NaN, 9);
    expect(comparison?.harm?.worst).toBeGreaterThan(50);
  });

  test("records harm and the slices, and which is worst", async () => {
    const codes = Int32Array.from({ length: rows }, (_, row) => row % 4);
    const slices = [{ column: "device", codes, values: ["tv", "web", "app", "car"] }];
    const change = (row: number) => (row % 4 === 0 ? 1 : -1 / 3) + 0.3 * (differences[row] as number);
    const { comparison } = await judged(change, { groupings: [], slices });
    expect(comparison?.slices?.map(({ value, kind }) => [value, kind])).toEqual([
      ["tv", "degraded"],
      ["web", "improved"],
      ["app", "improved"],
      ["car", "improved"],
    ]);
    expect(comparison?.worstSlice).toMatchObject({ column: "device", value: "tv", rows: 250 });
    const { harm, gain, worst } = comparison?.harm ?? { harm: 0, gain: 0, worst: 0 };
    expect(harm - gain).toBeCloseTo(comparison?.difference ?? Number.NaN, 9);
    expect(worst).toBeGreaterThan(1);
  });

  test("records negative flips of classifiers", async () => {
    const before = Float64Array.from({ length: rows }, (_, row) => (row < 100 ? 1 : 0));
    const now = before.map((wrong, row) => (row >= 100 && row < 130 ? 1 : wrong));
    const { comparison } = await judged((row) => 0.01 * (differences[row] as number), independent, {
      wrong: [before, now],
    });
    expect(comparison?.negativeFlips).toMatchObject({ count: 30, rate: 0.03 });
    expect((await judged(() => 0)).comparison?.negativeFlips).toBeUndefined();
  });
});
