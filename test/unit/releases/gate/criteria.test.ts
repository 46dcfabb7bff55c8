import { describe, expect, test } from "vitest";
import { UncoupleError } from "../../../../services/common/errors.ts";
import type { GatePolicy } from "../../../../services/pipeline/gate.ts";
import type { Composition } from "../../../../services/pipeline/verdict.ts";
import type { AuditedLosses } from "../../../../services/releases/gate-rows.ts";
import { SnapshotFault } from "../../../../services/verdicts/snapshot-fault.ts";
import { base, changed, decided, enforce, ROWS, release } from "../../../helpers/gate-decisions.ts";
import { twoComponents } from "../../../helpers/linear-pipelines.ts";
import { type PlantedRows, plantedRows } from "../../../helpers/planted-rows.ts";

describe("guards", () => {
  const own = (rise: number): Partial<PlantedRows> => ({
    rowLosses: (name, { u }) => (u === 1 ? base : changed(name === "u" ? rise : -0.05)),
  });
  const gate: GatePolicy = { ...enforce, guards: { u: 0.02 } };

  test("hold an update that makes another loss worse than its margin allows", async () => {
    const good = await decided({}, { gate }, {}, own(0.01));
    expect(good).toMatchObject({ decision: "promoted" });
    expect(good.criteria[1]).toMatchObject({
      name: "guard",
      subject: "u",
      margin: 0.02,
      screened: true,
      confirmed: true,
    });
    const bad = await decided({}, { gate }, {}, own(0.03));
    expect(bad).toMatchObject({ decision: "held", reasons: ["guard"], asked: false });
    expect(bad.criteria[1]?.difference).toBeCloseTo(0.03, 3);
  });

  test("are confirmed like the measure", async () => {
    const confirm = plantedRows({ part: "confirm", ...own(0.0199) } as PlantedRows);
    const outcome = await decided({}, { gate, confirm }, {}, own(0.01));
    expect(outcome).toMatchObject({ decision: "held", reasons: ["not-confirmed"] });
    expect(outcome.criteria.map(({ confirmed }) => confirmed)).toEqual([true, false]);
  });

  test("do not concern what cannot change their loss", async () => {
    const strict: GatePolicy = { ...enforce, guards: { u: 0 } };
    const outcome = await decided({ "1.2": -0.05 }, { gate: strict }, { moves: { d: 2 } });
    expect(outcome).toMatchObject({ decision: "promoted" });
    expect(outcome.criteria[1]).toMatchObject({ difference: 0, interval: [0, 0], screened: true, confirmed: true });
  });
});

describe("slices", () => {
  const codes = Int32Array.from({ length: ROWS }, (_, row) => row % 4);
  const device = { column: "device", codes, values: ["tv", "web", "app", "car"] };
  const gate: GatePolicy = { ...enforce, slices: ["device"] };
  const rows = (harm: number): Partial<PlantedRows> => ({
    structure: { slices: [device] },
    rowLosses: (_, { u }) =>
      u === 1 ? base : changed(-0.05).map((loss, row) => (row % 4 === 0 ? loss + 10 * harm : loss)),
  });

  test("hold an update that makes one of them worse", async () => {
    const outcome = await decided({}, { gate }, {}, rows(0.07));
    expect(outcome).toMatchObject({ decision: "held", reasons: ["slice"], asked: false });
    expect(outcome.criteria[1]).toMatchObject({
      name: "slice",
      subject: "device=tv",
      screened: false,
      confirmed: null,
    });
    expect(outcome.criteria[1]?.difference).toBeCloseTo(0.02, 2);
  });

  test("are judged on screen rows alone", async () => {
    const outcome = await decided({}, { gate, confirm: plantedRows(rows(0.07) as PlantedRows) }, {}, rows(0.02));
    expect(outcome).toMatchObject({ decision: "promoted" });
    expect(outcome.criteria[1]).toMatchObject({ subject: "device=tv", screened: true, confirmed: null });
    expect(outcome.criteria[1]?.difference).toBeCloseTo(-0.03, 2);
  });

  test("without a loss that get one are worse, not missing", async () => {
    const perfect: Partial<PlantedRows> = {
      structure: { slices: [device] },
      rowLosses: (_, { u }) =>
        (u === 1 ? base : changed(-0.05)).map((loss, row) => (row % 4 > 0 ? loss : u === 1 ? 0 : loss / 1000)),
    };
    const outcome = await decided({}, { gate }, {}, perfect);
    expect(outcome).toMatchObject({ decision: "held", reasons: ["slice"] });
    expect(outcome.criteria[1]).toMatchObject({ subject: "device=tv", difference: null, interval: null });
  });

  test("that the rows do not have hold", async () => {
    const outcome = await decided({ "2.1": -0.05 }, { gate });
    expect(outcome).toMatchObject({ decision: "held", reasons: ["missing"] });
    expect(outcome.criteria[1]).toMatchObject({ subject: "device", difference: null, screened: false });
  });
});

describe("drift", () => {
  const gate: GatePolicy = { ...enforce, require: "non-inferior", margin: 0.01 };
  const recent = [1, 3, 4].map((u, at) => ({ number: 5 + at, composition: { u, d: 1 } }));
  const current = { number: 7, composition: { u: 4, d: 1 } };
  const world = { "1.1": 0, "3.1": -0.004, "4.1": 0.004, "2.1": 0.008 };
  const proposal = { release: current };

  test("holds what is good enough for the release and not for the best of the last ones", async () => {
    const outcome = await decided(world, { gate, recent }, proposal);
    expect(outcome).toMatchObject({ decision: "held", reasons: ["drift"] });
    expect(outcome.criteria[0]).toMatchObject({ name: "composed", screened: true });
    expect(outcome.criteria[1]).toMatchObject({ name: "drift", subject: "6", margin: 0.01, screened: false });
    expect(outcome.criteria[1]?.difference).toBeCloseTo(0.012, 3);
    const better = await decided({ ...world, "2.1": 0.002 }, { gate, recent }, proposal);
    expect(better).toMatchObject({ decision: "promoted" });
    expect(better.criteria[1]).toMatchObject({ subject: "6", confirmed: true });
  });

  test("is not asked if the current release is the best, under any number", async () => {
    const same = [{ number: 2, composition: { u: 4, d: 1 } }, { number: 5, composition: { u: 1, d: 1 } }, current];
    const outcome = await decided({ ...world, "1.1": 0.1 }, { gate, recent: same }, proposal);
    expect(outcome.criteria.map(({ name }) => name)).toEqual(["composed"]);
  });

  test("leaves out releases that cannot be composed any more", async () => {
    const rows: Partial<PlantedRows> = {
      rowLosses(_, { u }) {
        if (u === 3) throw new UncoupleError("deleted", "u@3 was deleted");
        if (u === 1) throw new SnapshotFault({ component: "u", serial: 1 }, "malformed-model", "no model");
        return u === 4 ? base : changed(0.005);
      },
    };
    const outcome = await decided({}, { gate, recent }, proposal, rows);
    expect(outcome).toMatchObject({ decision: "promoted" });
    expect(outcome.criteria.map(({ name }) => name)).toEqual(["composed"]);
    const unreachable: Partial<PlantedRows> = {
      rowLosses() {
        throw new UncoupleError("unavailable", "no host");
      },
    };
    await expect(decided({}, { gate, recent }, proposal, unreachable)).rejects.toThrow("no host");
  });
});

describe("the audited measure", () => {
  const pipeline = twoComponents;
  /** d reads annotated values of u instead of its output, if d moves; then its loss does not depend on u. */
  function annotated(loss: (composition: Composition, isReplaced: boolean) => Float64Array): AuditedLosses {
    return {
      rows: ROWS,
      structure: { groupings: [], slices: [] },
      rowLosses: async (composition, moved) => loss(composition, moved.includes("d")),
    };
  }
  const gate: GatePolicy = { ...enforce, measure: "audited", transitionBudget: 1 };
  const moves = { d: 2 };
  /** d@2 is causal: better on the true z, worse on what u@1 predicts. */
  const world = (composedRise: number, auditedChange: number): Partial<PlantedRows> => ({
    rowLosses: (_, { d }) => (d === 1 ? base : changed(composedRise)),
    audited: annotated(({ d }, isReplaced) => (d === 1 ? base : changed(isReplaced ? auditedChange : composedRise))),
  });

  test("promotes what is better on the truth while the composed loss stays within the budget", async () => {
    const outcome = await decided({}, { gate }, { moves }, world(0.8, -0.2));
    expect(outcome).toMatchObject({ decision: "promoted" });
    expect(outcome.criteria.map(({ name, margin }) => [name, margin])).toEqual([
      ["audited", 0],
      ["transition", 1],
    ]);
    expect(outcome.criteria.map(({ difference }) => difference)).toEqual([
      expect.closeTo(-0.2, 2),
      expect.closeTo(0.8, 2),
    ]);
    expect(await decided({}, { gate }, { moves }, world(1.2, -0.2))).toMatchObject({
      decision: "held",
      reasons: ["transition"],
    });
    expect(await decided({}, { gate }, { moves }, world(0.8, 0.2))).toMatchObject({
      decision: "refused",
      reasons: ["worse"],
    });
  });

  test("bounds drift by the budget", async () => {
    const better = { number: 3, composition: { u: 9, d: 1 } };
    const rows = (rise: number): Partial<PlantedRows> => ({
      ...world(rise, -0.2),
      rowLosses: (_, { u, d }) => (u === 9 ? changed(-0.2) : d === 1 ? base : changed(rise)),
    });
    const outcome = await decided({}, { gate, recent: [better, release] }, { moves }, rows(0.5));
    expect(outcome).toMatchObject({ decision: "promoted" });
    expect(outcome.criteria[2]).toMatchObject({ name: "drift", subject: "3", margin: 1 });
    expect(await decided({}, { gate, recent: [better, release] }, { moves }, rows(0.8))).toMatchObject({
      decision: "held",
      reasons: ["drift"],
    });
  });

  test("is the composed loss of all rows if nothing that moves reads an annotated output", async () => {
    const few: AuditedLosses = {
      ...annotated(({ u }) => (u === 1 ? base : changed(-0.05)).slice(0, 40)),
      rows: 40,
    };
    const moving: Partial<PlantedRows> = { rowLosses: (_, { u }) => (u === 1 ? base : changed(-0.05)), audited: few };
    const outcome = await decided({}, { gate }, {}, moving);
    expect(outcome).toMatchObject({ decision: "promoted" });
    const [audited, transition] = outcome.criteria;
    expect(audited).toMatchObject({ name: "audited", difference: transition?.difference });
    // Without any annotation, the same.
    const { audited: _, ...unannotated } = moving;
    expect(await decided({}, { gate }, {}, unannotated)).toEqual(outcome);
  });

  test("is missing if a component fails on annotated values", async () => {
    const rows: Partial<PlantedRows> = {
      ...world(-0.05, -0.05),
      audited: annotated(({ d }, isReplaced) => {
        if (isReplaced && d === 2)
          throw new SnapshotFault({ component: "d", serial: 2 }, "not-finite", "NaN", { u: 1 });
        return base;
      }),
    };
    const outcome = await decided({}, { gate }, { moves }, rows);
    expect(outcome).toMatchObject({ decision: "held", reasons: ["missing"] });
    expect(outcome.criteria[0]).toMatchObject({ name: "audited", difference: null });
  });

  test("together with the composed one needs both", async () => {
    const both: GatePolicy = { ...gate, measure: "both" };
    expect(await decided({}, { gate: both }, { moves }, world(-0.05, 0.005))).toMatchObject({ decision: "promoted" });
    expect(await decided({}, { gate: both }, { moves }, world(-0.05, 0.05))).toMatchObject({
      decision: "refused",
      reasons: ["worse"],
    });
    expect(await decided({}, { gate: both }, { moves }, world(0.001, -0.05))).toMatchObject({
      decision: "held",
      reasons: ["inconclusive"],
    });
  });

  test("has units of its own rows", async () => {
    const rows = { ...world(0.8, -0.2) };
    const of40 = annotated(({ d }, isReplaced) => (d === 1 || !isReplaced ? base : changed(-0.2)).slice(0, 20));
    const outcome = await decided({}, { gate, pipeline }, { moves }, { ...rows, audited: { ...of40, rows: 20 } });
    expect(outcome).toMatchObject({ decision: "held", reasons: ["inconclusive"] });
    expect(outcome.detail).toBe("too few screen rows for audited: about 76 are needed");
  });
});
