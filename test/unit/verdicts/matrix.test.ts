import { expect, test } from "vitest";
import { ancestors, componentNamed } from "../../../services/pipeline/dag.ts";
import type { Pipeline } from "../../../services/pipeline/pipeline.ts";
import type { Composition } from "../../../services/pipeline/verdict.ts";
import { createMatrix } from "../../../services/verdicts/matrix.ts";
import type { Grouping } from "../../../services/verdicts/paired/sample.ts";
import { component, pipelineOf, twoComponents } from "../../helpers/linear-pipelines.ts";
import { drawRows, rowKind } from "../../helpers/loss-rows.ts";

const rows = 2000;
const x = drawRows(rowKind("independent, normal"), rows, 1).differences;
const noise = drawRows(rowKind("independent, normal"), rows, 2).differences;
const never = new AbortController().signal;

/** What a component predicts, as a multiple of x: u@i predicts i x, anything else x and j times all that it reads. */
function slopeOf(pipeline: Pipeline, name: string, composition: Composition): number {
  const serial = composition[name] as number;
  const { upstream } = componentNamed(pipeline, name);
  if (upstream.length === 0) return serial;
  return 1 + serial * upstream.reduce((sum, other) => sum + slopeOf(pipeline, other, composition), 0);
}

/** Squared errors where the target is 3 x and noise. */
const losses = (slope: number) => x.map((value, row) => ((slope - 3) * value - (noise[row] as number)) ** 2);
const lossOf = (slope: number) => losses(slope).reduce((sum, loss) => sum + loss, 0) / rows;

function matrixOf(
  retained: Record<string, readonly number[]>,
  current: Composition,
  { pipeline = twoComponents, groupings = [] }: { pipeline?: Pipeline; groupings?: readonly Grouping[] } = {},
) {
  const read: string[] = [];
  const matrix = createMatrix({
    pipeline,
    groupings,
    losses: {
      async rowLosses(name, composition) {
        const needed = [...ancestors(pipeline.components, name).map((other) => other.name), name];
        read.push(`${name} of ${needed.map((other) => `${other}@${composition[other]}`).join(" ")}`);
        return losses(slopeOf(pipeline, name, composition));
      },
    },
    retained: (name) => retained[name] ?? [],
    current: async () => current,
  });
  return { matrix, read };
}

test("the pair in use is named, and part of the matrix although it is older than all others", async () => {
  const [edge] = await matrixOf({ u: [2, 3], d: [1, 2] }, { u: 1, d: 2 }).matrix.refresh(never);
  expect(edge).toMatchObject({
    upstreamSerials: [1, 2, 3],
    downstreamSerials: [1, 2],
    current: { upstreamSerial: 1, downstreamSerial: 2 },
  });
  expect(edge?.cells).toHaveLength(6);
  expect(edge?.intervals).toBeUndefined();
  expect(edge?.cells.some((cell) => "comparison" in cell)).toBe(false);
});

test("with intervals, every pair is compared with the one in use, on the same rows", async () => {
  const { matrix } = matrixOf({ u: [1, 2], d: [1, 2] }, { u: 2, d: 1 });
  const [plain] = await matrix.refresh(never);
  const [edge] = await matrix.withIntervals(never);
  expect(edge?.intervals).toEqual({ method: "hall", level: 0.95, compared: 3 });
  expect(edge?.cells.map(({ comparison: _, ...cell }) => cell)).toEqual(plain?.cells);
  const inUse = edge?.cells.find((cell) => cell.upstreamSerial === 2 && cell.downstreamSerial === 1);
  expect(inUse?.comparison).toBeUndefined();
  const others = edge?.cells.filter((cell) => cell !== inUse) ?? [];
  // In use is 3 x, which is right. d@1 of u@1 is 2 x, d@2 of u@1 is 3 x, too, and d@2 of u@2 is 5 x.
  expect(others.map(({ comparison }) => comparison?.kind)).toEqual(["degraded", "inconclusive", "degraded"]);
  for (const { loss, comparison } of others) {
    expect(comparison?.difference).toBeCloseTo(loss - (inUse?.loss ?? Number.NaN), 12);
    expect(comparison?.relative).toBeCloseTo((comparison?.difference ?? 0) / (inUse?.loss ?? 0), 12);
  }
  expect(others[1]?.comparison).toMatchObject({ difference: 0, interval: [0, 0] });
});

test("rows of a user count as one, and wider intervals say so", async () => {
  const retained = { u: [1, 2], d: [1] };
  const codes = Int32Array.from({ length: rows }, (_, row) => row % 20);
  const widthOf = async (groupings: readonly Grouping[]) => {
    const [edge] = await matrixOf(retained, { u: 2, d: 1 }, { groupings }).matrix.withIntervals(never);
    return edge?.cells[0]?.comparison;
  };
  expect(await widthOf([])).toMatchObject({ kind: "degraded" });
  expect(await widthOf([{ codes, count: 20 }])).toMatchObject({ kind: "inconclusive", reason: "too-few-rows" });
});

test("without a snapshot in use there is nothing to compare with", async () => {
  const { matrix } = matrixOf({ u: [1], d: [1] }, { u: 1 });
  const [edge] = await matrix.withIntervals(never);
  expect(edge).toMatchObject({ cells: [{ upstreamSerial: 1, downstreamSerial: 1 }], intervals: { compared: 0 } });
  expect(edge?.current).toBeUndefined();
});

test("concurrent calls share the work, and a change of what is in use starts it over", async () => {
  const { matrix, read } = matrixOf({ u: [1, 2], d: [1] }, { u: 1, d: 1 });
  const [one, other] = await Promise.all([matrix.withIntervals(never), matrix.withIntervals(never)]);
  expect(one).toBe(other);
  // Each of the two pairs for its loss and for its rows.
  expect(read).toHaveLength(4);
  const before = matrix.withIntervals(never);
  matrix.invalidate();
  expect(matrix.withIntervals(never)).not.toBe(before);
  await before;
});

test("of several objectives, losses are the weighted sum, along the edges that one of them depends on", async () => {
  const e = component({ name: "e", columns: ["x"], upstream: ["d"] });
  const pipeline = pipelineOf([...twoComponents.components, e], { u: 2, d: 0.5 });
  const { matrix } = matrixOf({ u: [1, 2], d: [1] }, { u: 1, d: 1 }, { pipeline });
  const [edge, ...others] = await matrix.refresh(never);
  expect(others).toEqual([]);
  expect(edge?.cells).toHaveLength(2);
  for (const { upstreamSerial: i, loss } of edge?.cells ?? []) {
    expect(loss).toBeCloseTo(2 * lossOf(i) + 0.5 * lossOf(1 + i), 9);
  }
  expect((await matrix.current()).loss).toBe(edge?.cells[0]?.loss);
});

test("a pair that belongs to several edges counts once in the correction", async () => {
  const e = component({ name: "e", columns: ["x"], upstream: ["u", "d"] });
  const pipeline = pipelineOf([...twoComponents.components, e], { d: 1, e: 1 });
  const { matrix } = matrixOf({ u: [1, 2], d: [1], e: [1] }, { u: 1, d: 1, e: 1 }, { pipeline });
  const edges = await matrix.withIntervals(never);
  expect(edges.map(({ upstream, downstream }) => `${upstream}-${downstream}`)).toEqual(["u-d", "u-e", "d-e"]);
  expect(edges.map(({ intervals }) => intervals?.compared)).toEqual([1, 1, 1]);
  // u@2 with everything else in use.
  expect(edges[0]?.cells[1]?.comparison).toEqual(edges[1]?.cells[1]?.comparison);
  expect(edges[0]?.cells[1]?.comparison?.level).toBe(0.95);
});
