import { describe, expect, test } from "vitest";
import { measureRun } from "../../../services/simulator/measures/measure-run.ts";
import { meanOverSeeds, studentQuantile } from "../../../services/simulator/measures/student-interval.ts";
import type { PolicyRun, SnapshotRecord } from "../../../services/simulator/records/policy-run.ts";

const snapshot = (draft: Partial<SnapshotRecord>): SnapshotRecord => ({
  component: "m1",
  serial: 2,
  cause: "wish",
  isBad: false,
  startedAt: 1,
  readyAt: 1,
  steps: 10,
  digest: "",
  pins: {},
  staleness: 0,
  verdict: { kind: "improved", difference: -1, ownImproved: true, changes: null },
  fate: "deployed",
  settledAt: 1,
  ...draft,
});

const run = (draft: Partial<PolicyRun>): PolicyRun => ({
  policy: "async",
  seed: 1,
  irreducible: 0,
  unit: 1,
  losses: [
    { at: 0, loss: 100, moves: {} },
    { at: 1, loss: 40, moves: { m1: 2 } },
    { at: 1.5, loss: 90, moves: { m1: 3 } },
    { at: 2.5, loss: 44, moves: { m2: 2 } },
  ],
  snapshots: [],
  wishes: [],
  gaps: [],
  ...draft,
});

describe("the measures of a run", () => {
  test("losses are averaged over time, and read at ticks", () => {
    const measured = measureRun(run({}), 4, 40);
    expect(measured.meanLoss).toBeCloseTo((100 + 40 * 0.5 + 90 + 44 * 1.5) / 4, 12);
    expect(measured.geometricMeanLoss).toBeCloseTo((100 * 40 ** 0.5 * 90 * 44 ** 1.5) ** (1 / 4), 9);
    expect(measured.series).toEqual([100, 40, 90, 44, 44]);
    expect(measured.finalLoss).toBe(44);
    expect(measured.regret).toBe(60 + 0 + 50 + 4 + 4);
    expect(measured.timeToBest).toBe(1);
    expect(measureRun(run({}), 4, 10).timeToBest).toBe(4);
  });

  test("the worst spike is the largest rise, and is over when nine tenths of it are undone", () => {
    expect(measureRun(run({}), 4, 40)).toMatchObject({ worstSpike: 50, recoveryTicks: 1 });
    const losses = run({}).losses.slice(0, 3);
    expect(measureRun(run({ losses }), 4, 40)).toMatchObject({ worstSpike: 50, recoveryTicks: 2.5 });
    expect(measureRun(run({ losses: losses.slice(0, 2) }), 4, 40)).toMatchObject({ worstSpike: 0, recoveryTicks: 0 });
  });

  test("snapshots are counted by what became of them", () => {
    const verdict = (kind: string, ownImproved: boolean) => ({ kind, difference: 1, ownImproved, changes: null });
    const snapshots = [
      snapshot({ verdict: verdict("degraded", false), staleness: 4 }),
      snapshot({ verdict: verdict("self-defeating", true) }),
      snapshot({ fate: "rejected", verdict: verdict("self-defeating", true) }),
      snapshot({ fate: "held", verdict: verdict("inconclusive", false), cause: "candidate" }),
      snapshot({ fate: "superseded", verdict: null }),
    ];
    expect(measureRun(run({ snapshots }), 4, 40)).toMatchObject({
      deployments: 2,
      degrading: 2,
      selfDefeating: 1,
      rejected: 1,
      held: 1,
      superseded: 1,
      rejectedGood: 1,
      retrainings: 1,
      steps: 50,
      staleness: 0.8,
    });
  });

  test("a team is deadlocked that trained twice in the last quarter and got nothing into use", () => {
    const late = (draft: Partial<SnapshotRecord>) =>
      snapshot({ readyAt: 3.5, settledAt: 3.5, fate: "rejected", ...draft });
    const deadlocks = (...snapshots: readonly SnapshotRecord[]) => measureRun(run({ snapshots }), 4, 40).deadlocks;
    expect(deadlocks(late({}), late({}))).toBe(1);
    expect(deadlocks(late({}))).toBe(0);
    expect(deadlocks(late({}), late({ fate: "deployed" }))).toBe(0);
    expect(deadlocks(late({}), late({}), late({ component: "m2" }), late({ component: "m2" }))).toBe(2);
  });
});

test("intervals over seeds are Student's: quantiles as in tables", () => {
  const table = { 1: 12.7062, 2: 4.3027, 4: 2.7764, 9: 2.2622, 30: 2.0423, 120: 1.9799 };
  for (const [degrees, quantile] of Object.entries(table))
    expect(studentQuantile(Number(degrees))).toBeCloseTo(quantile, 4);
  expect(meanOverSeeds([3])).toEqual({ mean: 3, low: null, high: null });
  const { low, high } = meanOverSeeds([1, 3]);
  expect([low, high]).toEqual([expect.closeTo(2 - 12.7062, 3), expect.closeTo(2 + 12.7062, 3)]);
});
