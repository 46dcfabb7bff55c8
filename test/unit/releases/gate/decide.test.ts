import { describe, expect, test } from "vitest";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { mean } from "../../../../services/common/statistics.ts";
import type { GatePolicy } from "../../../../services/pipeline/gate.ts";
import type { Pipeline } from "../../../../services/pipeline/pipeline.ts";
import { SnapshotFault } from "../../../../services/verdicts/snapshot-fault.ts";
import { base, changed, decided, enforce, ROWS, rowsOf } from "../../../helpers/gate-decisions.ts";
import { component, pipelineOf, twoComponents } from "../../../helpers/linear-pipelines.ts";
import { drawRows, rowKind } from "../../../helpers/loss-rows.ts";
import { type PlantedRows, plantedRows } from "../../../helpers/planted-rows.ts";

describe("an update under a gate", () => {
  test("that improves the pipeline is promoted", async () => {
    const outcome = await decided({ "2.1": -0.05 });
    expect(outcome).toMatchObject({ decision: "promoted", reasons: [], needs: [], asked: true });
    expect(outcome.detail).toBeUndefined();
    const [composed] = outcome.criteria;
    expect(outcome.criteria).toHaveLength(1);
    expect(composed).toMatchObject({ name: "composed", margin: 0, screened: true, confirmed: true });
    expect(composed?.difference).toBeCloseTo(-0.05, 3);
    const [low, high] = composed?.interval ?? [0, 0];
    expect(low).toBeLessThan(-0.05);
    expect(high).toBeGreaterThan(-0.05);
    expect(high - low).toBeCloseTo((2 * 1.96 * 0.2) / 10 / Math.sqrt(ROWS), 3);
  });

  test("that is worse beyond the margin is refused, and nobody asks the confirm rows", async () => {
    const outcome = await decided({ "2.1": 0.05 });
    expect(outcome).toMatchObject({ decision: "refused", reasons: ["worse"], needs: [], asked: false });
    expect(outcome.criteria[0]).toMatchObject({ screened: false, confirmed: null });
  });

  test("that is worse, but not beyond the margin, is held", async () => {
    expect(await decided({ "2.1": 0.005 })).toMatchObject({
      decision: "held",
      reasons: ["inconclusive"],
      asked: false,
    });
  });

  test("that is worse although its own loss improved needs its consumers", async () => {
    expect(await decided({ "2.1": 0.5 }, {}, { ownImproved: true })).toMatchObject({
      decision: "held",
      reasons: ["worse", "needs"],
      needs: ["d"],
      asked: false,
    });
    // Nobody reads d: there is nothing to retrain.
    expect(await decided({ "1.2": 0.5 }, {}, { moves: { d: 2 }, ownImproved: true })).toMatchObject({
      decision: "refused",
      reasons: ["worse"],
      needs: [],
    });
    // The consumer is part of the set.
    expect(await decided({ "2.2": 0.5 }, {}, { moves: { u: 2, d: 2 }, ownImproved: true })).toMatchObject({
      decision: "refused",
      needs: [],
    });
  });

  test("that the confirm rows do not show to be better is held", async () => {
    const outcome = await decided(
      { "2.1": -0.05 },
      { confirm: rowsOf({ "1.1": 0, "2.1": 0.0001 }, { part: "confirm" }) },
    );
    expect(outcome).toMatchObject({ decision: "held", reasons: ["not-confirmed"], asked: true });
    expect(outcome.criteria[0]).toMatchObject({ screened: true, confirmed: false });
  });

  test("is held when the horizon is spent, and only if the screen rows would promote it", async () => {
    expect(await decided({ "2.1": -0.05 }, { confirm: undefined })).toMatchObject({
      decision: "held",
      reasons: ["spent"],
      needs: [],
      asked: false,
    });
    expect(await decided({ "2.1": 0.05 }, { confirm: undefined })).toMatchObject({ decision: "refused" });
  });

  test("is asked at the level of the whole horizon", async () => {
    // 2.9 standard errors: enough at 95 %, not at 1 - 0.05 / 200.
    const world = { "2.1": (-2.9 * 0.2) / 10 / Math.sqrt(ROWS) };
    const once: GatePolicy = { ...enforce, horizon: 1 };
    expect(await decided(world, { gate: once })).toMatchObject({ decision: "promoted" });
    expect(await decided(world)).toMatchObject({ decision: "held", reasons: ["not-confirmed"] });
  });

  test("that a person, a freeze or a pin holds is measured and not asked", async () => {
    const outcome = await decided({ "2.1": -0.05 }, { forbidden: ["freeze", "manual"] });
    expect(outcome).toMatchObject({ decision: "held", reasons: ["freeze", "manual"], needs: [], asked: false });
    expect(outcome.criteria[0]).toMatchObject({ screened: true, confirmed: null });
    expect(outcome.criteria[0]?.difference).toBeCloseTo(-0.05, 3);
    // Nothing is retrained for it either.
    expect(await decided({ "2.1": 0.5 }, { forbidden: ["held-by-person"] }, { ownImproved: true })).toMatchObject({
      decision: "held",
      reasons: ["held-by-person"],
      needs: [],
    });
  });

  test("that no objective depends on says so", async () => {
    const pipeline = pipelineOf([...twoComponents.components, component({ name: "aside", columns: ["x"] })], "d");
    const outcome = await decided({}, { pipeline }, { moves: { aside: 2 } });
    expect(outcome).toMatchObject({ decision: "held", reasons: ["inconclusive"] });
    expect(outcome.detail).toBe("no objective depends on aside");
  });

  test("is decided the same way again", async () => {
    expect(await decided({ "2.1": -0.05 })).toEqual(await decided({ "2.1": -0.05 }));
  });

  test("stops when its signal aborts", async () => {
    const reason = new UncoupleError("cancelled", "stopping");
    await expect(decided({ "2.1": -0.05 }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("non-inferiority", () => {
  const gate: GatePolicy = { ...enforce, require: "non-inferior", margin: 0.01 };

  test("promotes what is worse by less than the margin, or the same", async () => {
    const outcome = await decided({ "2.1": 0.005 }, { gate });
    expect(outcome).toMatchObject({ decision: "promoted" });
    expect(outcome.criteria[0]).toMatchObject({ margin: 0.01, screened: true, confirmed: true });
    expect(outcome.criteria[0]?.difference).toBeCloseTo(0.005, 3);
    expect(outcome.criteria[0]?.interval?.[1]).toBeLessThan(0.01);
    expect(await decided({ "2.1": 0 }, { gate })).toMatchObject({ decision: "promoted" });
  });

  test("holds what is about as much worse as the margin, and refuses what is worse by more", async () => {
    expect(await decided({ "2.1": 0.0097 }, { gate })).toMatchObject({ decision: "held", reasons: ["not-confirmed"] });
    expect(await decided({ "2.1": 0.0102 }, { gate })).toMatchObject({ decision: "held", reasons: ["inconclusive"] });
    expect(await decided({ "2.1": 0.02 }, { gate })).toMatchObject({ decision: "refused", reasons: ["worse"] });
  });

  test("has its margin relative to the size of negative losses, too", async () => {
    const negative = (fraction: number) => changed(fraction).map((loss) => loss - 20);
    const rows = (fraction: number) =>
      plantedRows({ rowLosses: (_, { u }) => (u === 1 ? base.map((loss) => loss - 20) : negative(fraction)) });
    // Around -10: 0.5 % of 10 is 0.05 worse.
    const outcome = await decided({}, { gate, screen: rows(0.005), confirm: rows(0.005) });
    expect(outcome).toMatchObject({ decision: "promoted" });
    expect(outcome.criteria[0]?.difference).toBeCloseTo(0.005, 3);
    expect(await decided({}, { gate, screen: rows(0.02), confirm: rows(0.02) })).toMatchObject({ decision: "refused" });
  });
});

describe("what cannot be measured never passes", () => {
  test("a loss that is not a number", async () => {
    const rows: Partial<PlantedRows> = {
      rowLosses: (_, { u }) => (u === 1 ? base : changed(-0.5).map((loss, row) => (row === 5 ? Number.NaN : loss))),
    };
    const outcome = await decided({}, {}, {}, rows);
    expect(outcome).toMatchObject({ decision: "held", reasons: ["missing"], asked: false });
    expect(outcome.criteria[0]).toMatchObject({ difference: null, interval: null, screened: false, confirmed: null });
    // Only on confirm rows: they do not confirm it, and do not say more.
    expect(await decided({ "2.1": -0.5 }, { confirm: plantedRows(rows as PlantedRows) })).toMatchObject({
      decision: "held",
      reasons: ["not-confirmed"],
    });
  });

  test("a prediction that is invalid in this composition", async () => {
    const rows: Partial<PlantedRows> = {
      rowLosses(_, { u }) {
        if (u === 2) throw new SnapshotFault({ component: "d", serial: 1 }, "not-finite", "overflows", { u: 2 });
        return base;
      },
    };
    expect(await decided({}, {}, { ownImproved: true }, rows)).toMatchObject({
      decision: "held",
      reasons: ["missing", "needs"],
      needs: ["d"],
    });
  });

  test("but a snapshot that is faulty by itself is the caller's to quarantine", async () => {
    const fault = new SnapshotFault({ component: "u", serial: 2 }, "malformed-model", "no model");
    const rows: Partial<PlantedRows> = {
      rowLosses(_, { u }) {
        if (u === 2) throw fault;
        return base;
      },
    };
    await expect(decided({}, {}, {}, rows)).rejects.toBe(fault);
  });

  test("a release without a snapshot of everything", async () => {
    const outcome = await decided({}, {}, { release: { number: 1, composition: { u: 1 } }, ownImproved: true });
    expect(outcome).toMatchObject({ decision: "held", reasons: ["missing"], needs: [] });
    expect(outcome.detail).toBe("the release has no snapshot of d");
  });

  test("a loss of 0", async () => {
    const rows: Partial<PlantedRows> = { rowLosses: (_, { u }) => (u === 1 ? base.map(() => 0) : changed(0)) };
    const outcome = await decided({}, {}, {}, rows);
    expect(outcome).toMatchObject({ decision: "refused", reasons: ["worse"] });
    expect(outcome.criteria[0]).toMatchObject({ difference: null, interval: null });
  });

  test("too few rows, or groups, for such a tail", async () => {
    const first = (count: number): Partial<PlantedRows> => ({
      rowLosses: (_, { u }) => (u === 1 ? base : changed(-0.5)).slice(0, count),
    });
    expect(await decided({}, {}, {}, first(29))).toMatchObject({
      decision: "held",
      reasons: ["inconclusive"],
      asked: false,
      detail: "too few screen rows for composed: about 75 are needed",
    });
    expect(await decided({}, {}, {}, first(1))).toMatchObject({ decision: "held", reasons: ["missing"] });
    // Far better on almost all rows, terrible on a few: the rare ones decide, and there are too few of them.
    const tail: Partial<PlantedRows> = {
      rowLosses: (_, { u }) => (u === 1 ? base : base.map((loss, row) => (row % 700 === 0 ? loss + 100 : loss - 1))),
    };
    const outcome = await decided({}, {}, {}, tail);
    expect(outcome).toMatchObject({ decision: "held", reasons: ["inconclusive"], asked: false });
    expect(outcome.criteria[0]?.difference).toBeLessThan(-0.05);
    expect(await decided({ "2.1": -0.5 }, { confirm: plantedRows(tail as PlantedRows) })).toMatchObject({
      decision: "held",
      reasons: ["not-confirmed"],
    });
  });
});

test("rows that share users count as users", async () => {
  const { differences, groupings } = drawRows(rowKind("groups that dominate"), ROWS, 5);
  const center = mean(differences);
  // Ten standard errors of independent rows, but not four of the 100 users.
  const rows = (grouped: boolean): Partial<PlantedRows> => ({
    rowLosses: (_, { u }) =>
      base.map((loss, row) => (u === 1 ? loss : loss - 0.22 + (differences[row] as number) - center)),
    ...(grouped && { structure: { groupings } }),
  });
  expect(await decided({}, {}, {}, rows(false))).toMatchObject({ decision: "promoted" });
  expect(await decided({}, {}, {}, rows(true))).toMatchObject({ decision: "held", reasons: ["not-confirmed"] });
});

test("the pipeline file's loss limit applies to pipeline losses, and not to guards", async () => {
  const pipeline: Pipeline = { ...twoComponents, verdict: { minimumEffect: 0, lossLimit: { bound: 11 } } };
  const gate: GatePolicy = { ...enforce, guards: { u: 0.02 } };
  const rows: Partial<PlantedRows> = {
    rowLosses: (_, { u }) => (u === 1 ? base : changed(-0.05).map((loss, row) => (row % 40 === 0 ? loss + 500 : loss))),
  };
  const outcome = await decided({}, { pipeline, gate }, {}, rows);
  expect(outcome.criteria[0]).toMatchObject({ name: "composed", screened: true });
  expect(outcome.criteria[1]).toMatchObject({ name: "guard", screened: false });
  expect(await decided({}, { pipeline }, {}, rows)).toMatchObject({ decision: "promoted" });
  expect(await decided({}, {}, {}, rows)).toMatchObject({ asked: false });
});

test("nothing but bits of the confirm rows is in the outcome", async () => {
  const gate: GatePolicy = { ...enforce, guards: { u: 0.5 }, slices: ["device"] };
  const device = {
    column: "device",
    codes: Int32Array.from({ length: ROWS }, (_, row) => row % 2),
    values: ["a", "b"],
  };
  const structure = { slices: [device] };
  const rowsWith = (part: "screen" | "confirm", fraction: number) =>
    plantedRows({ part, structure, rowLosses: (_, { u }) => (u === 1 ? base : changed(fraction)) });
  const screen = rowsWith("screen", -0.05);
  const outcomes: string[] = [];
  // Other values, other numbers of rows, other units: the bits are the same.
  for (const [fraction, scale, count] of [
    [-0.05, 1, ROWS],
    [-0.4, 1000, ROWS],
    [-0.07, 0.001, 700],
  ] as const) {
    const confirm = plantedRows({
      part: "confirm",
      structure,
      rowLosses: (_, { u }) => (u === 1 ? base : changed(fraction)).slice(0, count).map((loss) => scale * loss),
    });
    outcomes.push(JSON.stringify(await decided({}, { gate, screen, confirm })));
  }
  expect(new Set(outcomes).size).toBe(1);
  expect(JSON.parse(outcomes[0] as string)).toMatchObject({ decision: "promoted", asked: true });
  const failing = [0.001, 0.3].map((fraction) => rowsWith("confirm", fraction));
  const held = await Promise.all(failing.map((confirm) => decided({}, { gate, screen, confirm })));
  expect(held[0]).toMatchObject({ decision: "held", reasons: ["not-confirmed"] });
  expect(held[0]).toEqual(held[1]);
});
