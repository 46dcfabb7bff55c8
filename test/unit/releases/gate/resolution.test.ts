import { expect, test } from "vitest";
import { DEFAULT_GATE, type GatePolicy } from "../../../../services/pipeline/gate.ts";
import type { Criterion } from "../../../../services/pipeline/release.ts";
import type { LossPair } from "../../../../services/releases/gate/loss-meter.ts";
import { type MarginSample, measureMargin, testMargin } from "../../../../services/releases/gate/margin-test.ts";
import { resolutionOf } from "../../../../services/releases/gate/resolution.ts";
import { drawRows, rowKind } from "../../../helpers/loss-rows.ts";

const gate: GatePolicy = { ...DEFAULT_GATE, horizon: 200, margin: 0.01, split: [0.5, 0.3, 0.2] };
const ROWS = 2000;

/** Losses of 100, with differences of variance 1 a row. */
function pair(rows: number, seed: number, change = 0) {
  const { differences } = drawRows(rowKind("independent, normal"), rows, seed);
  const reference = new Float64Array(rows).fill(100);
  return { reference, candidate: differences.map((difference) => 100 + difference + change), groupings: [] };
}

async function measured(losses: LossPair): Promise<MarginSample> {
  const sample = await measureMargin(losses, 0, 1);
  if (sample === undefined) throw new Error("no sample");
  return sample;
}

async function criteria(count: number): Promise<readonly { readonly criteria: readonly Criterion[] }[]> {
  const found: { readonly criteria: readonly Criterion[] }[] = [];
  for (let seed = 1; seed <= count; seed++) {
    const { difference, interval } = testMargin(await measured(pair(ROWS, seed)), 0.95);
    const criterion = { name: "composed", difference, interval, margin: 0, screened: true, confirmed: null } as const;
    found.push({ criteria: [criterion] });
  }
  return found;
}

test("the smallest change that can be told apart is confirmed four times in five", async () => {
  const { level, confirmRows, detectable } = resolutionOf({
    gate,
    decisions: await criteria(9),
    screenRows: ROWS,
    questions: 12,
  });
  expect(level).toBe(1 - 0.05 / 200);
  expect(confirmRows).toBe(1200);
  let shown = 0;
  const trials = 1000;
  for (let seed = 0; seed < trials; seed++) {
    const losses = pair(confirmRows, 1000 + seed, -100 * (detectable ?? 0));
    if (testMargin(await measured(losses), level).isShownBelow) shown += 1;
  }
  // Two standard errors of 1,000 trials, and the error of the estimate.
  expect(Math.abs(shown / trials - 0.8)).toBeLessThan(0.04);
});

test("the rows needed make the margin the smallest change that can be told apart", async () => {
  const decisions = await criteria(5);
  const { detectable, rowsNeeded } = resolutionOf({ gate, decisions, screenRows: ROWS, questions: 0 });
  const more = resolutionOf({
    gate: { ...gate, margin: (detectable ?? 0) / 2 },
    decisions,
    screenRows: ROWS,
    questions: 0,
  });
  expect(more.rowsNeeded).toBe(4 * 4000);
  expect(rowsNeeded).toBeLessThan(4000);
});

test("a shorter horizon tells more apart", async () => {
  const input = { decisions: await criteria(3), screenRows: ROWS, questions: 0 };
  const [long, short] = [200, 10].map((horizon) => resolutionOf({ ...input, gate: { ...gate, horizon } }).detectable);
  expect(short).toBeLessThan(long ?? 0);
});

test("it counts the questions that are left, and none below 0", () => {
  const left = (questions: number) => resolutionOf({ gate, decisions: [], screenRows: ROWS, questions }).questionsLeft;
  expect([0, 12, 200, 201].map(left)).toEqual([200, 188, 0, 0]);
});

test("without a measured update it makes nothing up", () => {
  const unmeasured: Criterion = {
    name: "composed",
    difference: null,
    interval: null,
    margin: 0,
    screened: false,
    confirmed: null,
  };
  const identical: Criterion = { ...unmeasured, difference: 0, interval: [0, 0] };
  const decisions = [unmeasured, identical].map((criterion) => ({ criteria: [criterion] }));
  expect(resolutionOf({ gate, decisions, screenRows: ROWS, questions: 0 })).toMatchObject({
    detectable: null,
    rowsNeeded: null,
  });
});
