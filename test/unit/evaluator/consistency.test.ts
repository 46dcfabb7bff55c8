import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Pipeline } from "../../../services/pipeline/pipeline.ts";
import { twoComponents } from "../../helpers/linear-pipelines.ts";
import { good, type MemoryEvaluators, openMemoryEvaluators } from "../../helpers/memory-evaluators.ts";

/** z = 2 x and y = x + z: `u` with weight 1 is wrong, and `d` that reads 2 u corrects it. */
const wrong = { x: 1 };
const right = { x: 2 };
const coupled = { x: 1, "u-out": 2 };
const audited: Pipeline = { ...twoComponents, audit: { heldOut: 100 } };

let world: MemoryEvaluators;
beforeEach(() => {
  world = openMemoryEvaluators();
});
afterEach(() => world.close());

describe("the consistency gap in verdicts", () => {
  test("forecasts what an upstream that becomes right does, before it trains anything", async () => {
    const { evaluator, metrics } = world.start({ pipeline: audited });
    await world.publish("u", wrong);
    await world.publish("d", good);
    await world.publish("d", coupled);
    await world.publish("u", right);
    const { verdicts } = await world.settled(4);
    const [first, honest, correcting, update] = verdicts.map(({ consistency }) => consistency);
    expect(first).toBeUndefined();
    expect(honest?.rows).toBe(100);
    expect(honest?.current).toBeUndefined();
    expect(honest?.candidate).toMatchObject([{ upstream: "u", downstream: "d", kind: "improved" }]);
    expect(correcting?.current).toEqual(honest?.candidate);
    expect(correcting?.candidate).toMatchObject([{ kind: "degraded" }]);
    // The update does what the gap said, on the same scale: the loss rises by about the gap.
    expect(verdicts[3]).toMatchObject({ kind: "self-defeating" });
    const [forecast] = update?.current ?? [];
    expect(verdicts[3]?.comparison?.difference).toBeCloseTo(forecast?.gap ?? Number.NaN, 0);
    // Nothing is left to become right.
    expect(update?.candidate[0]?.gap).toBeCloseTo(0, 5);
    const [matrix] = await evaluator.matrices();
    expect(matrix?.gap).toEqual(update?.candidate[0]);
    expect((await evaluator.status()).gaps).toEqual(update?.candidate);
    expect(await metrics.text()).toMatch(/uncouple_consistency_gap\{upstream="u",downstream="d",.*\} /);
  });

  test("is absent without audit.held_out", async () => {
    world.start();
    await world.publish("u", wrong);
    await world.publish("d", good);
    const { verdicts } = await world.settled(2);
    expect(verdicts.map(({ consistency }) => consistency)).toEqual([undefined, undefined]);
  });

  test("is absent for an edge whose upstream has no right output, which is logged once", async () => {
    const policy: Pipeline = {
      ...audited,
      components: audited.components.map((each) => (each.name === "u" ? { ...each, loss: "policy" as const } : each)),
    };
    const { records } = world.start({ pipeline: policy });
    await world.publish("u", wrong);
    await world.publish("d", good);
    const { verdicts } = await world.settled(2);
    expect(verdicts[1]?.consistency).toBeUndefined();
    expect(records.filter(({ message }) => message === "no consistency gap for an edge")).toHaveLength(1);
  });

  test("refuses more annotated rows than are held out", () => {
    expect(() => world.start({ pipeline: { ...twoComponents, audit: { heldOut: 401 } } })).toThrow(
      "audit.held_out: 401 annotated rows requested, but only 400 held-out rows exist",
    );
  });
});
