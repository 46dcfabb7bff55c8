import { afterEach, beforeEach, expect, test } from "vitest";
import { good, type MemoryEvaluators, openMemoryEvaluators } from "../../helpers/memory-evaluators.ts";

let world: MemoryEvaluators;
beforeEach(() => {
  world = openMemoryEvaluators();
});
afterEach(() => world.close());

const A = { fingerprint: "a".repeat(64) };
const B = { fingerprint: "b".repeat(64) };

/** Publishes a first snapshot of each component, and waits for their verdicts. */
async function trainBoth(until?: string): Promise<void> {
  const data = { fingerprint: "f", rows: 1, ...(until !== undefined && { until }) };
  await world.publish("u", { x: 2 }, {}, { data });
  await world.publish("d", good, {}, { data });
}

async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 2_000; i++) {
    if (await check()) return;
    await world.clock.advance(50);
  }
  expect.fail("it does not happen");
}

test("evaluators with the same rows share a generation, which verdicts name with their number", async () => {
  world.start({ name: "e1" }, world.backplane, A);
  world.start({ name: "e2" }, world.backplane, A);
  await trainBoth();
  await world.publish("u", { x: 1.9 });
  const { verdicts } = await world.settled(3);
  expect(verdicts.map(({ heldOut }) => heldOut)).toEqual([
    { ...A, generation: 1, question: 1 },
    { ...A, generation: 1, question: 2 },
    { ...A, generation: 1, question: 3 },
  ]);
  expect(await world.backplane.generations.history()).toHaveLength(1);
});

test("other rows start a generation, on which what is in use is measured before any candidate", async () => {
  const first = world.start({}, world.backplane, A);
  await trainBoth();
  await world.settled(2);
  await first.evaluator.stop();
  // Announced before the new generation begins.
  await world.publish("u", { x: 1.9 });
  const { evaluator, metrics, records } = world.start({}, world.backplane, B);
  const { verdicts } = await world.settled(3);
  expect(verdicts.at(-1)?.heldOut).toEqual({ ...B, generation: 2, question: 1 });
  const [, second] = await world.backplane.generations.history();
  // Not u@2, which had no verdict yet.
  expect(second).toMatchObject({ generation: 2, current: { u: 1, d: 1 }, rows: 400, evaluator: "e1" });
  expect(second?.loss).toBeCloseTo(verdicts.at(-1)?.comparison?.currentLoss as number, 12);
  expect(await evaluator.status()).toMatchObject({ heldOut: { generation: 2, questions: 1, horizon: null } });
  const text = await metrics.text();
  expect(text).toMatch(/^uncouple_held_out_generation\{.*\} 2$/m);
  expect(text).toMatch(/^uncouple_held_out_questions\{generation="2".*\} 1$/m);
  expect(text).not.toMatch(/^uncouple_held_out_questions\{generation="1"/m);
  // The salt stays in the store.
  expect(second?.salt).toBe((await world.backplane.generations.history())[0]?.salt);
  expect(JSON.stringify(records)).not.toContain(second?.salt);
});

test("losses in metrics are all of the newest generation", async () => {
  const first = world.start({}, world.backplane, A);
  await trainBoth();
  await world.publish("d", { x: 1, "u-out": 0.9 });
  await world.settled(3);
  const losses = async ({ metrics }: typeof first) =>
    (await metrics.text()).split("\n").filter((line) => /^uncouple_(pipeline|component)_loss\{/.test(line));
  expect(await losses(first)).toHaveLength(5);
  await first.evaluator.stop();
  const second = world.start({}, world.backplane, B);
  await until(
    () =>
      second.evaluator.refusal() === undefined &&
      world.backplane.generations.current().then((g) => g?.generation === 2),
  );
  await until(async () => (await losses(second)).length === 2);
  const loss = (await world.backplane.generations.current())?.loss;
  expect(await losses(second)).toEqual([
    `uncouple_pipeline_loss{component="u",role="current",service="evaluator"} ${loss}`,
    `uncouple_pipeline_loss{component="d",role="current",service="evaluator"} ${loss}`,
  ]);
});

test("an evaluator that has kept the rows of an earlier generation judges no more, and says why", async () => {
  const kept = world.start({ name: "kept" }, world.backplane, A);
  await trainBoth();
  await world.settled(2);
  const renewed = world.start({ name: "renewed" }, world.backplane, B);
  await until(async () => (await world.backplane.generations.current())?.generation === 2);
  for (const x of [1.9, 1.8, 1.7, 1.6]) await world.publish("u", { x });
  const { verdicts } = await world.settled(6);
  expect(verdicts.slice(2).map(({ evaluator, heldOut }) => [evaluator, heldOut?.generation])).toEqual(
    Array(4).fill(["renewed", 2]),
  );
  expect(renewed.evaluator.refusal()).toBeUndefined();
  // Restarted with them, it does not start a third generation either.
  const again = world.start({ name: "again" }, world.backplane, A);
  await until(() => again.evaluator.refusal() !== undefined);
  expect(again.evaluator.refusal()).toMatch(
    /^the held-out rows are those of generation 1, and generation 2 began at .*: give this evaluator the newer data$/,
  );
  expect(await world.backplane.generations.history()).toHaveLength(2);
  expect(kept.evaluator.refusal() ?? again.evaluator.refusal()).toContain("newer data");
});

test("rows that a snapshot was trained on start no generation", async () => {
  await trainBoth("2026-02-01T00:00:00.000Z");
  const early = world.start({}, world.backplane, { ...A, heldOutAfter: "2026-01-31T00:00:00.000Z" });
  await until(() => early.evaluator.refusal() !== undefined);
  expect(early.evaluator.refusal()).toBe(
    "rows after 2026-01-31T00:00:00.000Z would be held out, and u@1 was trained on rows until 2026-02-01T00:00:00.000Z: give this evaluator newer data",
  );
  expect(await world.backplane.generations.current()).toBeUndefined();
  world.start({}, world.backplane, { ...B, heldOutAfter: "2026-02-01T00:00:00.000Z" });
  expect((await world.settled(2)).verdicts).toHaveLength(2);
  expect(await world.backplane.generations.current()).toMatchObject({
    generation: 1,
    heldOutAfter: "2026-02-01T00:00:00.000Z",
  });
});

test("a snapshot trained on held-out rows later is quarantined, and hinders no generation then", async () => {
  const first = world.start({}, world.backplane, { ...A, heldOutAfter: "2026-02-01T00:00:00.000Z" });
  await trainBoth("2026-02-01T00:00:00.000Z");
  await world.publish("u", { x: 2 }, {}, { data: { fingerprint: "f", rows: 1, until: "2026-02-02T00:00:00.000Z" } });
  const { verdicts, quarantines } = await world.settled(3);
  expect(verdicts).toHaveLength(2);
  expect(quarantines).toEqual([
    expect.objectContaining({
      component: "u",
      serial: 2,
      reason: "trained-on-held-out",
      detail:
        "rows after 2026-02-01T00:00:00.000Z are held out, and u@2 was trained on rows until 2026-02-02T00:00:00.000Z; train again",
    }),
  ]);
  await first.evaluator.stop();
  world.start({}, world.backplane, { ...B, heldOutAfter: "2026-02-01T12:00:00.000Z" });
  await until(async () => (await world.backplane.generations.current())?.generation === 2);
});

test("snapshots that do not say until when rows were trained on are named in a warning", async () => {
  await trainBoth();
  const { records } = world.start({}, world.backplane, { ...A, heldOutAfter: "2026-02-01T00:00:00.000Z" });
  await world.settled(2);
  expect(records.map(({ message }) => message)).toContain(
    "2 snapshots do not say until when rows were trained on, so they may know held-out rows: u@1, d@1",
  );
});

const DIVIDED = { ...A, split: [0.5, 0.3, 0.2] } as const;

test("rows that are divided for the first time begin a generation, which says that they were seen before", async () => {
  const first = world.start({}, world.backplane, A);
  await trainBoth();
  await world.settled(2);
  await first.evaluator.stop();
  await world.publish("u", { x: 1.9 });
  const { evaluator, records } = world.start({}, world.backplane, DIVIDED);
  const { verdicts } = await world.settled(3);
  const [one, two] = await world.backplane.generations.history();
  expect(one).not.toHaveProperty("split");
  expect(two).toMatchObject({ generation: 2, fingerprint: A.fingerprint, rows: 400, split: [0.5, 0.3, 0.2] });
  expect(records.map(({ message }) => message)).toContain(
    "the held-out rows are divided for a gate from now on; 2 verdicts were given on all of them before",
  );
  // Verdicts, and the loss that the generation begins with, are of screen rows.
  const last = verdicts.at(-1);
  expect(last?.heldOut).toEqual({ ...A, generation: 2, question: 1 });
  expect(last?.rows).toBeGreaterThan(160);
  expect(last?.rows).toBeLessThan(240);
  expect(two?.loss).toBeCloseTo(last?.comparison?.currentLoss as number, 12);
  expect((await evaluator.status()).rows).toBe(last?.rows);
});

test("an evaluator that divides the rows otherwise, or not at all, judges no more, and says why", async () => {
  const whole = world.start({ name: "whole" }, world.backplane, A);
  await trainBoth();
  await world.settled(2);
  const divided = world.start({ name: "divided" }, world.backplane, DIVIDED);
  await until(async () => (await world.backplane.generations.current())?.generation === 2);
  for (const x of [1.9, 1.8, 1.7]) await world.publish("u", { x });
  const { verdicts } = await world.settled(5);
  expect(verdicts.slice(2).map(({ evaluator }) => evaluator)).toEqual(Array(3).fill("divided"));
  expect(divided.evaluator.refusal()).toBeUndefined();
  await until(() => whole.evaluator.refusal() !== undefined);
  const other = world.start({ name: "other" }, world.backplane, { ...A, split: [0.6, 0.3, 0.1] });
  await until(() => other.evaluator.refusal() !== undefined);
  expect(other.evaluator.refusal()).toBe("generation 2 divides the held-out rows otherwise: restart this evaluator");
  expect(await world.backplane.generations.history()).toHaveLength(2);
});
