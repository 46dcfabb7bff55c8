import { describe, expect, test } from "vitest";
import type { Pipeline } from "../../../services/pipeline/pipeline.ts";
import type { Composition } from "../../../services/pipeline/verdict.ts";
import { judgeSnapshot, type RowStructure } from "../../../services/verdicts/judgement.ts";
import { createSharedWeights } from "../../../services/verdicts/paired/shared-weights.ts";
import { component, pipelineOf, twoComponents } from "../../helpers/linear-pipelines.ts";
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

describe("judging by several objectives", () => {
  const components = [
    component({ name: "u", columns: ["x"], target: "z" }),
    component({ name: "tip", upstream: ["u"] }),
    component({ name: "fare", upstream: ["u"] }),
    component({ name: "weather", columns: ["x"] }),
  ];
  const weights = { tip: 1, fare: 0.2, weather: 3 };
  const base = { tip: 10, fare: 40, weather: 2 };
  const current = { u: 1, tip: 1, fare: 1, weather: 1 };

  /** The update of u changes each objective's loss by so much, and noise. */
  function judgedBy(
    change: { readonly tip: number; readonly fare: number },
    {
      verdict,
      alternatives = [],
      wrong,
    }: {
      verdict?: Pipeline["verdict"];
      alternatives?: readonly number[];
      wrong?: readonly [Float64Array, Float64Array];
    } = {},
  ) {
    const pipeline = { ...pipelineOf(components, weights), ...(verdict !== undefined && { verdict }) };
    const losses = (name: keyof typeof base, composition: Composition) =>
      noise.map((value, row) => {
        const update =
          name === "weather" || composition.u === 1 ? 0 : change[name] + 0.3 * (noise[rows - 1 - row] as number);
        // Other snapshots of tip make the same difference, and lose more.
        return base[name] + value + update + (composition[name] === 1 ? 0 : 5);
      });
    return judgeSnapshot(
      { component: "u", serial: 2 },
      {
        pipeline,
        losses: {
          check: async () => {},
          prepare() {},
          output: async () => new Float32Array(rows),
          rowLosses: async (name, composition) =>
            name === "u" ? noise.map((value) => 5 + value) : losses(name as keyof typeof base, composition),
          rowErrors: async (name, composition) => (name === "tip" ? wrong?.[composition.u === 2 ? 1 : 0] : undefined),
        },
        structure: independent,
        current,
        alternatives: (name) => (name === "tip" ? alternatives : []),
        proven: () => true,
        drawShared: createSharedWeights(),
        signal: new AbortController().signal,
      },
    );
  }

  test("the weighted sum decides the kind, and each objective has its own comparison", async () => {
    const { kind, comparison } = await judgedBy({ tip: -0.5, fare: 1 });
    // -0.5 + 0.2 x 1 = -0.3: improved, although fare degraded.
    expect(kind).toBe("improved");
    expect(comparison?.difference).toBeCloseTo(-0.3, 1);
    const [tip, fare, weather] = comparison?.objectives ?? [];
    expect(tip).toMatchObject({ component: "tip", weight: 1, kind: "improved" });
    expect(fare).toMatchObject({ component: "fare", weight: 0.2, kind: "degraded" });
    expect(fare?.difference).toBeCloseTo(1, 1);
    expect(fare?.relative).toBeCloseTo(0.025, 2);
    expect(weather).toMatchObject({ component: "weather", kind: "inconclusive", difference: 0, interval: [0, 0] });
    const sum = (of: "currentLoss" | "candidateLoss" | "difference") =>
      (comparison?.objectives ?? []).reduce((total, one) => total + one.weight * one[of], 0);
    expect(sum("currentLoss")).toBeCloseTo(comparison?.currentLoss ?? Number.NaN, 9);
    expect(sum("candidateLoss")).toBeCloseTo(comparison?.candidateLoss ?? Number.NaN, 9);
    expect(sum("difference")).toBeCloseTo(comparison?.difference ?? Number.NaN, 9);
    // The other way round, with the same differences.
    expect((await judgedBy({ tip: 0.5, fare: -1 })).kind).toBe("degraded");
  });

  test("a weight decides what a change counts", async () => {
    expect((await judgedBy({ tip: -0.5, fare: 5 })).kind).toBe("degraded");
    expect((await judgedBy({ tip: -1.5, fare: 5 })).kind).toBe("improved");
  });

  test("the loss limit is one of the sum, and the smallest effect one of each loss", async () => {
    const verdict = { minimumEffect: 0.02, lossLimit: { quantile: 0.99 } };
    const { comparison, kind } = await judgedBy({ tip: -0.5, fare: 0.3 }, { verdict });
    expect(comparison?.bound).toBeGreaterThan(24);
    // 2 % of about 24 of the sum, of 10 for tip, of 40 for fare.
    expect(kind).toBe("equivalent");
    expect(comparison?.objectives?.map((one) => one.kind)).toEqual(["improved", "equivalent", "equivalent"]);
    const unlimited = await judgedBy({ tip: -0.5, fare: 0.3 });
    expect(comparison?.objectives?.[0]?.currentLoss).toBe(unlimited.comparison?.objectives?.[0]?.currentLoss);
  });

  test("negative flips are those of each classifier", async () => {
    const before = new Float64Array(rows);
    const now = before.map((_, row) => (row < 30 ? 1 : 0));
    const { comparison } = await judgedBy({ tip: 0, fare: 0 }, { wrong: [before, now] });
    expect(comparison?.negativeFlips).toBeUndefined();
    expect(comparison?.objectives?.map(({ negativeFlips }) => negativeFlips?.count)).toEqual([
      30,
      undefined,
      undefined,
    ]);
  });

  test("a single objective has no list", async () => {
    expect((await judged(() => 0.1)).comparison?.objectives).toBeUndefined();
  });

  test("alternatives are those of every objective's path, and their kinds hold together", async () => {
    const { alternatives } = await judgedBy({ tip: -0.5, fare: 0 }, { alternatives: [1, 2, 3, 4] });
    expect(alternatives.map(({ candidate }) => candidate)).toEqual(
      [2, 3, 4].map((tip) => ({ u: 2, tip, fare: 1, weather: 1 })),
    );
    for (const alternative of alternatives) {
      expect(alternative).toMatchObject({ kind: "improved", method: "hall" });
      expect(alternative.difference).toBeCloseTo(-0.5, 1);
      expect(alternative.candidateLoss - alternative.currentLoss).toBeCloseTo(alternative.difference, 9);
    }
    // By Holm's procedure.
    const levels = alternatives.map(({ level }) => level?.toFixed(4));
    expect(new Set(levels)).toEqual(new Set(["0.9500", "0.9750", "0.9833"]));
  });

  test("an effect that is clear in one alternative is not among many that say the same", async () => {
    const neutral = (await judgedBy({ tip: 0, fare: 0 })).comparison?.difference ?? Number.NaN;
    // 2.2 standard errors; the same noise counts once for tip and 0.2 times for fare.
    const tip = (2.2 * 0.36) / Math.sqrt(rows) - neutral;
    const kindsOf = async (alternatives: readonly number[]) =>
      (await judgedBy({ tip, fare: 0 }, { alternatives })).alternatives.map(({ kind }) => kind);
    expect(await kindsOf([2])).toEqual(["degraded"]);
    expect(await kindsOf([2, 3, 4, 5])).toEqual(Array(4).fill("inconclusive"));
  });
});
