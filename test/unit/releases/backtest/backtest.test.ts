import { describe, expect, test } from "vitest";
import { createRandom } from "../../../../services/data/random/random.ts";
import { DEFAULT_GATE, type GatePolicy } from "../../../../services/pipeline/gate.ts";
import type { JudgedTest } from "../../../../services/pipeline/model-test.ts";
import type { Release } from "../../../../services/pipeline/release.ts";
import { movesName } from "../../../../services/pipeline/release.ts";
import type { Composition } from "../../../../services/pipeline/verdict.ts";
import { type BacktestDeps, backtest } from "../../../../services/releases/backtest/backtest.ts";
import type { PastSnapshot, PipelineHistory } from "../../../../services/releases/backtest/history.ts";
import { SnapshotFault } from "../../../../services/verdicts/snapshot-fault.ts";
import { twoComponents } from "../../../helpers/linear-pipelines.ts";
import { type RowLosses, screenOf } from "../../../helpers/planted-worlds.ts";

const gate: GatePolicy = { ...DEFAULT_GATE, mode: "enforce", margin: 0.01 };
const day = (number: number) => `2026-11-${String(number).padStart(2, "0")}T00:00:00.000Z`;

/** `u@1`, each a day later. */
function published(...names: readonly string[]): readonly PastSnapshot[] {
  return names.map((name, index) => {
    const [component = "", serial] = name.split("@");
    return {
      component,
      serial: Number(serial),
      publishedAt: day(index + 1),
      upstream: {},
      sets: true,
      ownImproved: false,
    };
  });
}

/** A release some hours after a day's snapshot. */
function released(number: number, on: number, composition: Composition): Release {
  return {
    version: 1,
    entry: "release",
    pipeline: "demo",
    at: day(on).replace("T00", "T06"),
    number,
    composition,
    previous: number === 1 ? null : number - 1,
    kind: "promote",
    cause: { type: "ungated" },
    pinned: [],
    gate: null,
  };
}

const historyOf = (snapshots: readonly PastSnapshot[], releases: readonly Release[] = []): PipelineHistory => ({
  snapshots,
  releases,
  missing: { deleted: [], quarantined: [], unjudged: [] },
});

/** Rows whose losses have these means, and differ by what is in use. */
function losses(means: (composition: Composition) => number, seed: string): RowLosses {
  return (component, composition) => {
    const random = createRandom(1, `${seed} ${movesName(composition)}`);
    const center = component === "d" ? means(composition) : 1;
    return Float64Array.from({ length: 2000 }, () => center * (1 + 0.1 * random.gaussian()));
  };
}

function run(
  history: PipelineHistory,
  means: (composition: Composition) => number,
  change: Partial<BacktestDeps> = {},
) {
  const rows = Object.fromEntries(
    (["screen", "confirm", "all"] as const).map((part) => [part, screenOf(losses(means, part)).screen]),
  ) as unknown as BacktestDeps["rows"];
  return backtest({
    pipeline: twoComponents,
    gate,
    history,
    since: undefined,
    rows,
    tests: { ofComposition: async () => [] },
    sets: "teams",
    retained: 8,
    signal: new AbortController().signal,
    ...change,
  });
}

/** u@2 is better, u@3 worse, d@2 does nothing. */
const table = ({ u, d }: Composition) => ([0, 1, 0.8, 1.5][u as number] as number) * (d === 3 ? 0.9 : 1);

describe("a gate over the past", () => {
  const past = historyOf(published("u@1", "d@1", "u@2", "u@3", "d@2"), [
    released(1, 1, { u: 1 }),
    released(2, 2, { u: 1, d: 1 }),
    released(3, 3, { u: 2, d: 1 }),
    released(4, 4, { u: 3, d: 1 }),
    released(5, 5, { u: 3, d: 2 }),
  ]);

  test("promotes what is better, refuses what is worse, holds the rest, and its loss is beside the real one", async () => {
    const result = await run(past, table);
    expect(result.outcomes.map(({ moves, decision, really }) => [movesName(moves), decision, really])).toEqual([
      ["u@2", "promoted", 3],
      ["u@3", "refused", 4],
      ["d@2", "held", 5],
    ]);
    expect(result.releases.map(({ composition, cause }) => [movesName(composition), cause])).toEqual([
      ["u@1", "first"],
      ["d@1,u@1", "first"],
      ["d@1,u@2", "decision"],
    ]);
    expect(result.steps.map(({ actual }) => actual)).toEqual([
      null,
      expect.closeTo(1, 1),
      expect.closeTo(0.8, 1),
      expect.closeTo(1.5, 1),
      expect.closeTo(1.5, 1),
    ]);
    expect(result.steps.at(-1)?.replayed).toBeCloseTo(0.8, 1);
    const asked = result.decisions.filter((decision) => decision.asked);
    expect(asked[0]?.moves).toEqual({ u: 2 });
    expect(result).toMatchObject({ actualReleases: 5, questions: { asked: asked.length, horizon: 200 } });
    expect(result.outcomes[0]?.estimate).toMatchObject({ difference: expect.closeTo(-0.2, 1), kind: "improved" });
    expect([result.falseRefusals, result.falsePromotions]).toEqual([[], []]);
  });

  test("says which refusals and promotions all rows contradict", async () => {
    const rows = (means: (composition: Composition) => number, seed: string) => screenOf(losses(means, seed)).screen;
    const upside = ({ u }: Composition) => [0, 1, 1.2, 0.7][u as number] as number;
    const result = await run(past, table, {
      rows: { screen: rows(table, "screen"), confirm: rows(table, "confirm"), all: rows(upside, "all") },
    });
    expect(result.falsePromotions.map(({ moves }) => moves)).toEqual([{ u: 2 }]);
    expect(result.falseRefusals.map(({ moves }) => moves)).toEqual([{ u: 3 }]);
  });

  test("asks no more than the horizon, and holds what it would have asked about", async () => {
    const falling = ({ u }: Composition) => 0.8 ** (u as number);
    const result = await run(historyOf(published("u@1", "d@1", "u@2", "u@3")), falling, {
      gate: { ...gate, horizon: 1 },
    });
    expect(result.questions).toEqual({ asked: 1, horizon: 1 });
    expect(result.outcomes.at(-1)).toMatchObject({ moves: { u: 3 }, decision: "held", reasons: ["spent"] });
  });

  test("a component that a person promotes is held", async () => {
    const result = await run(past, table, { gate: { ...gate, hold: ["u"] } });
    expect(result.outcomes[0]).toMatchObject({
      moves: { u: 2 },
      decision: "held",
      reasons: expect.arrayContaining(["manual"]),
    });
    expect(result.questions.asked).toBe(0);
  });

  test("a snapshot that cannot be composed is held, and has no estimate", async () => {
    const faulty = ({ u, d }: Composition) => {
      if (u === 3) throw new SnapshotFault({ component: "u", serial: 3 }, "malformed-model", "broken");
      return table({ u: u as number, d: d as number });
    };
    const { outcomes, steps } = await run(past, faulty);
    expect(outcomes[1]).toMatchObject({ moves: { u: 3 }, decision: "held", reasons: ["missing"], estimate: null });
    expect(steps.at(-1)).toMatchObject({ actual: null, replayed: expect.closeTo(0.8, 1) });
  });

  test("before releases were written, the newest judged snapshots were in use", async () => {
    const { steps, actualReleases } = await run(historyOf(past.snapshots), table);
    expect(steps.map(({ actual }) => actual)).toEqual((await run(past, table)).steps.map(({ actual }) => actual));
    expect(actualReleases).toBe(0);
  });
});

describe("tests of the pipeline", () => {
  const past = historyOf(published("u@1", "d@1", "u@2", "u@3"));
  const judged: JudgedTest = {
    name: "y rises with x",
    kind: "monotone",
    onFailure: "refuse",
    rows: 100,
    violations: 0,
    worst: 0,
    passed: true,
    component: "d",
    scope: "pipeline",
  };
  /** Tests that fail for some compositions. */
  const failing = (fails: (composition: Composition) => boolean, change: Partial<JudgedTest> = {}) => ({
    tests: {
      async ofComposition(_: Composition, candidate: Composition) {
        return [fails(candidate) ? { ...judged, violations: 7, worst: 0.5, passed: false, ...change } : judged];
      },
    },
  });

  test("hold an update that is better, but no first snapshot, and are in the decision", async () => {
    const { outcomes, releases, questions } = await run(
      past,
      table,
      failing(({ u }) => u !== 3),
    );
    expect(outcomes.map(({ moves, decision, reasons }) => [movesName(moves), decision, reasons])).toEqual([
      ["u@2", "held", ["failed-test"]],
      ["u@3", "refused", ["worse"]],
    ]);
    expect(outcomes[0]).toMatchObject({
      detail:
        'failed test on held-out rows: "y rises with x": 7 of 100 rows violate it, the worst by 0.5 in the composed output of d',
      estimate: { kind: "improved" },
    });
    expect(outcomes.map(({ tests }) => tests.map(({ passed }) => passed))).toEqual([[false], [true]]);
    expect(releases.at(-1)?.composition).toEqual({ u: 1, d: 1 });
    expect(questions.asked).toBe(0);
  });

  test("hold nothing under warn, or if the release fails, too", async () => {
    for (const change of [{ onFailure: "warn" }, { failedBefore: true }]) {
      const { outcomes } = await run(
        past,
        table,
        failing(() => true, change),
      );
      expect(outcomes.map(({ moves, decision }) => [movesName(moves), decision])).toEqual([
        ["u@2", "promoted"],
        ["u@3", "refused"],
      ]);
      expect(outcomes[0]?.tests).toMatchObject([{ passed: false, ...change }]);
    }
  });

  test("that cannot be run for a broken model hold it as missing", async () => {
    const tests: BacktestDeps["tests"] = {
      async ofComposition(_, { u }) {
        if (u === 2) throw new SnapshotFault({ component: "u", serial: 2 }, "malformed-model", "broken");
        return [];
      },
    };
    const { outcomes } = await run(past, table, { tests });
    expect(outcomes[0]).toMatchObject({ moves: { u: 2 }, decision: "held", reasons: ["missing"], detail: "broken" });
  });
});

describe("sets", () => {
  /** Good together, bad alone. */
  const pair = ({ u, d }: Composition) => (u === d ? 2 - (u as number) / 2 : 3);
  const past = (sets: boolean) => historyOf(published("u@1", "d@1", "u@2", "d@2").map((one) => ({ ...one, sets })));

  test("move as teams allow, or as the replay is told", async () => {
    const together = { moves: { u: 2, d: 2 }, decision: "promoted" };
    expect((await run(past(true), pair)).outcomes.at(-1)).toMatchObject(together);
    expect((await run(past(true), pair, { sets: "none" })).outcomes.map(({ decision }) => decision)).toEqual([
      "refused",
      "refused",
    ]);
    expect((await run(past(false), pair)).outcomes).toHaveLength(2);
    expect((await run(past(false), pair, { sets: "all" })).outcomes.at(-1)).toMatchObject(together);
    expect(
      (await run(past(true), pair, { gate: { ...gate, hold: ["d"] } })).outcomes.some(
        ({ decision }) => decision === "promoted",
      ),
    ).toBe(false);
  });

  test("that failed confirmation are not asked about again", async () => {
    const result = await run(past(true), pair, {
      rows: {
        ...({} as BacktestDeps["rows"]),
        screen: screenOf(losses(pair, "s")).screen,
        all: screenOf(losses(pair, "a")).screen,
        confirm: screenOf(losses(() => 1, "c")).screen,
      },
    });
    expect(result.outcomes.at(-1)).toMatchObject({
      moves: { u: 2, d: 2 },
      decision: "held",
      reasons: ["not-confirmed"],
    });
    expect(result.questions.asked).toBe(1);
  });
});

describe("--since", () => {
  const past = historyOf(published("u@1", "d@1", "u@2", "u@3"), [
    released(1, 2, { u: 1, d: 1 }),
    released(2, 3, { u: 2, d: 1 }),
    released(3, 4, { u: 3, d: 1 }),
  ]);

  test("starts from what was in use then", async () => {
    const after2 = await run(past, table, { since: { release: 2 } });
    expect(after2.steps.map(({ snapshot }) => snapshot)).toEqual([{ component: "u", serial: 3 }]);
    expect(after2.releases).toMatchObject([{ number: 1, composition: { u: 2, d: 1 }, cause: "start" }]);
    expect(after2.actualReleases).toBe(1);
    const atDay3 = await run(past, table, { since: { at: day(3) } });
    expect(atDay3.steps).toHaveLength(2);
    expect(atDay3.releases[0]).toMatchObject({ composition: { u: 1, d: 1 }, cause: "start" });
    expect((await run(past, table, { since: { at: day(20) } })).steps).toEqual([]);
  });

  test("refuses a release that there is not, or that cannot be composed anymore", async () => {
    await expect(run(past, table, { since: { release: 9 } })).rejects.toThrow("no release 9: the newest is 3");
    const gone = { ...past, snapshots: past.snapshots.filter(({ serial }) => serial !== 2) };
    await expect(run(gone, table, { since: { release: 2 } })).rejects.toThrow(
      "cannot start from release 2: u@2 can no longer be composed",
    );
  });
});

test("only the newest retained snapshots are candidates", async () => {
  const past = historyOf(published("u@1", "d@1", "u@2", "u@3"));
  const slow = ({ u }: Composition) => 1 + 0.001 * (u as number);
  const { decisions } = await run(past, slow, { retained: 1 });
  expect(decisions.map(({ step, moves }) => [step, moves])).toEqual([
    [2, { u: 2 }],
    [3, { u: 3 }],
  ]);
});
