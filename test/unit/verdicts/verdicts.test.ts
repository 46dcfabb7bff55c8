import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Verdict } from "../../../services/pipeline/verdict.ts";
import { twoComponents } from "../../helpers/linear-pipelines.ts";
import {
  good,
  type MemoryEvaluators,
  openMemoryEvaluators,
  rows,
  summary,
  x,
} from "../../helpers/memory-evaluators.ts";

let world: MemoryEvaluators;
beforeEach(() => {
  world = openMemoryEvaluators();
});
afterEach(() => world.close());

describe("verdicts", () => {
  test("tell a first, an improving, a degrading and an indifferent update apart", async () => {
    world.start();
    await world.publish("u", { x: 1 });
    await world.publish("d", good);
    await world.publish("u", { x: 2 });
    await world.publish("u", { x: 0.5 });
    await world.publish("u", { x: 0.5 });
    const { verdicts } = await world.settled(5);
    expect(summary(verdicts)).toEqual([
      ["u@1", "inconclusive", "incomplete-pipeline"],
      ["d@1", "inconclusive", "no-current-snapshot"],
      ["u@2", "improved"],
      ["u@3", "degraded"],
      ["u@4", "inconclusive"],
    ]);
    expect(verdicts[0]?.componentLoss).toMatchObject({ current: null, candidate: expect.any(Number) });
    expect(verdicts[1]?.componentLoss).toMatchObject({ current: null, candidate: expect.any(Number) });
    expect(verdicts[4]?.comparison).toMatchObject({ difference: 0, interval: [0, 0], kind: "inconclusive" });
  });

  test("an update that improves its component and degrades the pipeline is self-defeating", async () => {
    world.start();
    await world.publish("u", { x: 1 });
    // Learned to make up for the wrong u: x + 2 u is 3 x while u is x.
    await world.publish("d", { x: 1, "u-out": 2 });
    await world.publish("u", { x: 2 });
    const { verdicts } = await world.settled(3);
    const verdict = verdicts[2] as Verdict;
    expect(verdict.kind).toBe("self-defeating");
    const square = x.reduce((sum, value) => sum + value * value, 0) / rows;
    expect(verdict.componentLoss.current).toBeCloseTo(square, 5);
    expect(verdict.componentLoss.candidate).toBeCloseTo(0, 5);
    expect(verdict.componentInterval?.[1]).toBeLessThan(0);
    expect(verdict.comparison).toMatchObject({
      current: { u: 1, d: 1 },
      candidate: { u: 2, d: 1 },
      candidateLoss: expect.closeTo(4 * square, 1),
    });
    expect(verdict).toMatchObject({ rows, evaluator: "e1", pipeline: "demo" });
  });

  test("show what the update would do under other retained snapshots downstream", async () => {
    world.start({ retained: 2 });
    await world.publish("u", { x: 1 });
    await world.publish("d", { x: 3 });
    await world.publish("d", { x: 1, "u-out": 2 });
    await world.publish("d", good);
    await world.publish("u", { x: 2 });
    const { verdicts } = await world.settled(5);
    const verdict = verdicts[4] as Verdict;
    expect(verdict.kind).toBe("improved");
    expect(verdict.alternatives.map(({ current, candidate, kind }) => [current, candidate, kind])).toEqual([
      [{ u: 1, d: 2 }, { u: 2, d: 2 }, "self-defeating"],
    ]);
  });

  test("compare with the champion where one is set", async () => {
    await world.publish("u", { x: 1 });
    await world.publish("u", { x: 0 });
    await world.publish("d", good);
    await world.backplane.registry.setAlias("u", "champion", 1, null, "test");
    await world.publish("u", { x: 1.5 });
    world.start();
    const { verdicts } = await world.settled(4);
    expect(verdicts.at(-1)?.comparison?.current).toEqual({ u: 1, d: 1 });
  });

  test("of a backlog are those that would have been given one by one", async () => {
    const story = [
      (to: MemoryEvaluators) => to.publish("u", { x: 1 }),
      (to: MemoryEvaluators) => to.publish("d", good),
      (to: MemoryEvaluators) => to.publish("u", { x: 2 }),
      (to: MemoryEvaluators) => to.publish("d", { x: 1.2, "u-out": 1 }),
    ];
    const essence = (verdicts: readonly Verdict[]) =>
      verdicts.map(({ seconds: _seconds, judgedAt: _judgedAt, evaluator: _evaluator, ...rest }) => rest);
    for (const step of story) await step(world);
    world.start();
    const late = essence((await world.settled(4)).verdicts);
    const prompt = openMemoryEvaluators();
    prompt.start();
    for (const [index, step] of story.entries()) {
      await step(prompt);
      await prompt.settled(index + 1);
    }
    expect(essence(await prompt.backplane.verdicts.list())).toEqual(late);
    await prompt.close();
  });

  test("two evaluators share the announcements, and each is judged once", async () => {
    const one = world.start({ name: "e1" });
    const two = world.start({ name: "e2" });
    await world.publish("d", good);
    for (let i = 1; i <= 20; i++) await world.publish("u", { x: i / 10 });
    const { verdicts } = await world.settled(21);
    expect(new Set(verdicts.map(({ component, serial }) => `${component}@${serial}`)).size).toBe(21);
    expect(verdicts).toHaveLength(21);
    expect(new Set(verdicts.map(({ evaluator }) => evaluator))).toEqual(new Set(["e1", "e2"]));
    const counts = await Promise.all(
      [one, two].map(async ({ metrics }) =>
        [...(await metrics.text()).matchAll(/^uncouple_verdicts_total\{.*\} (\d+)$/gm)].reduce(
          (sum, m) => sum + Number(m[1]),
          0,
        ),
      ),
    );
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(21);
  });

  test("a snapshot that overflows another component's prediction is inconclusive and blames nobody", async () => {
    world.start();
    await world.publish("u", { x: 1 });
    await world.publish("d", { x: 1, "u-out": 10 });
    await world.publish("u", { x: 1 });
    await world.publish("u", { x: 1e38 });
    await world.publish("u", { x: 2 });
    const { verdicts, quarantines } = await world.settled(5);
    expect(quarantines).toEqual([]);
    expect(summary(verdicts).slice(3)).toEqual([
      ["u@3", "inconclusive", "not-finite"],
      // It is still the newest: what cannot be measured against is no pass either.
      ["u@4", "inconclusive", "not-finite"],
    ]);
  });

  test("of several objectives add up their losses, and status and matrix show the sum", async () => {
    const pipeline = { ...twoComponents, objective: { u: 0.25, d: 1 } };
    const { evaluator, metrics } = world.start({ pipeline });
    await world.publish("u", { x: 1 });
    await world.publish("d", { x: 1, "u-out": 2 });
    // Right for itself, and wrong for d, which makes up for the error of u@1.
    await world.publish("u", { x: 2 });
    const { verdicts } = await world.settled(3);
    const { kind, comparison } = verdicts[2] as Verdict;
    // d: from 0 to 4 squares; u: from 1 square to 0.
    expect(kind).toBe("self-defeating");
    const square = x.reduce((sum, value) => sum + value * value, 0) / rows;
    expect(comparison?.difference).toBeCloseTo((4 - 0.25) * square, 2);
    expect(comparison?.objectives).toMatchObject([
      { component: "u", weight: 0.25, kind: "improved", difference: expect.closeTo(-square, 5) },
      { component: "d", weight: 1, kind: "degraded", difference: expect.closeTo(4 * square, 2) },
    ]);
    const [edge] = await evaluator.matrices({ intervals: true });
    const newest = edge?.cells.find(({ upstreamSerial }) => upstreamSerial === 2);
    expect(newest?.loss).toBeCloseTo(comparison?.candidateLoss ?? Number.NaN, 9);
    expect((await evaluator.status()).loss).toBe(newest?.loss);
    const text = await metrics.text();
    expect(text).toMatch(/uncouple_objective_loss\{component="u",objective="u",role="candidate".*\} [0-9.e-]+\n/);
    expect(text).toMatch(/uncouple_pipeline_loss\{component="u",role="candidate".*\} 1\.3/);
  });

  test("on a component that no objective depends on are inconclusive: it changes nothing", async () => {
    world.start({ pipeline: { ...twoComponents, objective: "u" } });
    await world.publish("u", { x: 1 });
    await world.publish("d", { x: 1 });
    await world.publish("d", good);
    const { verdicts } = await world.settled(3);
    expect(summary(verdicts)[2]).toEqual(["d@2", "inconclusive"]);
    expect(verdicts[2]).toMatchObject({ comparison: { difference: 0, current: { u: 1 }, candidate: { u: 1 } } });
  });
});
