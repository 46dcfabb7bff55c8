import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { createSyntheticSource } from "../../../../services/data/synthetic/synthetic-source.ts";
import type { NumericColumn } from "../../../../services/data/table/table.ts";
import { createWasmEngine } from "../../../../services/engine/wasm/wasm-engine.ts";
import { openLabGate } from "../../../../services/experiments/gated/lab-gate.ts";
import { divideLab, type LabParts } from "../../../../services/experiments/gated/lab-parts.ts";
import { type Lab, type Models, openLab } from "../../../../services/experiments/lab/lab.ts";
import { twoStagePipeline } from "../../../../services/experiments/paper/two-stage.ts";
import type { SnapshotModel } from "../../../../services/learning/snapshot/snapshot-model.ts";
import { DEFAULT_GATE } from "../../../../services/pipeline/gate.ts";

const BIAS = 3;
let lab: Lab;
let parts: LabParts;

beforeAll(async () => {
  const pipeline = twoStagePipeline(0, 4_000);
  lab = await openLab(pipeline, createSyntheticSource(pipeline.data), createWasmEngine({ clock: systemClock }), 0);
  parts = divideLab(lab, DEFAULT_GATE.split);
});
afterAll(() => lab.close());

/** M1* times a factor, plus a bias. */
const m1Of = (factor: number, bias: number): SnapshotModel => ({
  predict: async (table) => (await lab.generating("m1").predict(table)).map((value) => factor * value + bias),
  dispose: async () => {},
});

/** M2* that takes a bias off what it reads. */
const m2Of = (bias: number): SnapshotModel => ({
  predict: (table) => {
    const z = table.columns.z as NumericColumn;
    const corrected = { ...z, values: z.values.map((value) => value - bias) };
    return lab.generating("m2").predict({ ...table, columns: { ...table.columns, z: corrected } });
  },
  dispose: async () => {},
});

/** M2 is used to the bias of an M1 that is worse than M1*. */
const coupled = (): Models => ({ m1: m1Of(0.5, BIAS), m2: m2Of(BIAS) });
const horizon = 5;

test("an update that helps is released, and one that breaks the coupling is not", async () => {
  const gate = openLabGate(lab, coupled(), { parts, horizon, sets: false });
  const before = await parts.unseenLoss(gate.models());
  await gate.announce("m1", m1Of(0.8, BIAS), {});
  expect(gate.released()).toEqual({ m1: 2, m2: 1 });
  expect(await parts.unseenLoss(gate.models())).toBeLessThan(before);
  await gate.announce("m1", m1Of(1, 0), {});
  await gate.announce("m2", m2Of(0), { m1: 3 });
  expect(gate.released()).toEqual({ m1: 2, m2: 1 });
});

test("with sets, both ends of an edge are released together", async () => {
  const gate = openLabGate(lab, coupled(), { parts, horizon, sets: true });
  await gate.announce("m1", m1Of(1, 0), {});
  expect(gate.released()).toEqual({ m1: 1, m2: 1 });
  await gate.announce("m2", m2Of(0), { m1: 2 });
  expect(gate.released()).toEqual({ m1: 2, m2: 2 });
  expect(gate.trainedOn("m2")).toEqual({ m1: 2 });
  expect(await parts.unseenLoss(gate.models())).toBeLessThan(1e-9);
});

test("a consumer is trained on an update that is held, and released with it", async () => {
  const asked: number[] = [];
  const update = m1Of(1, 0);
  const retrain = async (consumer: string, upstream: Models, attempt: number) => {
    expect([consumer, upstream.m1]).toEqual(["m2", update]);
    asked.push(attempt);
    return m2Of(0);
  };
  const gate = openLabGate(lab, coupled(), { parts, horizon, sets: true, retrain });
  await gate.announce("m1", update, {});
  expect(asked).toEqual([1]);
  expect(gate.released()).toEqual({ m1: 2, m2: 2 });
});

test("an update is given up after three trainings that do not help, until a newer one arrives", async () => {
  const asked: number[] = [];
  let bias = 2 * BIAS;
  const retrain = async (_consumer: string, _upstream: Models, attempt: number) => {
    asked.push(attempt);
    return m2Of(bias);
  };
  const gate = openLabGate(lab, coupled(), { parts, horizon, sets: true, retrain });
  await gate.announce("m1", m1Of(1, 0), {});
  expect(asked).toEqual([1, 2, 3]);
  expect(gate.released()).toEqual({ m1: 1, m2: 1 });
  bias = 0;
  await gate.announce("m1", m1Of(0.99, 0), {});
  expect(asked).toEqual([1, 2, 3, 1]);
  expect(gate.released().m2).toBe(5);
});

test("the parts have the lab's rows, each once, and the same outputs and losses", async () => {
  const models = coupled();
  const of = (part: "screen" | "confirm") => parts.rowsOf(part, () => models).losses;
  const lossesOf = async (part: "screen" | "confirm") => of(part).rowLosses("m2", {});
  const [screen, confirm] = [await lossesOf("screen"), await lossesOf("confirm")];
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  const reserve = lab.rows - screen.length - confirm.length;
  expect(reserve / lab.rows).toBeCloseTo(0.2, 1);
  const total = sum(screen) + sum(confirm) + reserve * (await parts.unseenLoss(models));
  expect(total).toBeCloseTo(sum(await lab.rowLosses("m2", models)), 6);
  expect(await of("screen").output("m1", {})).toHaveLength(3 * screen.length);
});
