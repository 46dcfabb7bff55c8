import { afterEach, describe, expect, test } from "vitest";
import type { Provenance } from "../../../../services/pipeline/manifest.ts";
import type { CandidateRun } from "../../../../services/pipeline/release.ts";
import { type GatedEvaluators, openGatedEvaluators } from "../../../helpers/gated-evaluators.ts";

let world: GatedEvaluators;
afterEach(() => world.close());

const coTraining: Provenance = { gating: { sets: true, cotrain: true } };

/**
 * Releases a pair that is coupled: u@1 predicts half of what it should, and d@1 makes up for most of it. An u that is right is
 * self-defeating with d@1.
 */
async function coupled(consumer: Partial<Provenance> = {}): Promise<void> {
  world.gated();
  await world.publish("u", { x: 1 });
  await world.publish("d", { x: 1, "u-out": 1.5 }, {}, consumer);
  await world.quiet();
}

async function publishRight(): Promise<void> {
  await world.publish("u", { x: 2 });
  await world.quiet();
}

async function publishRetrained(weight: number, provenance: Partial<Provenance> = {}): Promise<void> {
  await world.publish("d", { x: 1, "u-out": weight }, {}, { upstream: { u: 2 }, ...provenance });
  await world.quiet();
}

const inUse = async () => (await world.backplane.ledger.release())?.value.composition;

async function requests(): Promise<readonly string[]> {
  const found = (await world.entries()).filter((entry): entry is CandidateRun => entry.entry === "candidate-run");
  return found.map(({ id, state, upstream }) => `${id} ${state} ${JSON.stringify(upstream)}`);
}

describe("training on a candidate", () => {
  test("a self-defeating update is held, its consumer is retrained on it, and the pair is released as one", async () => {
    world = openGatedEvaluators();
    await coupled(coTraining);
    await publishRight();
    expect(await world.decisions()).toEqual(["u@2 held: worse, needs (d)"]);
    expect(await requests()).toEqual(['u@2:d:1 requested {"u":2}']);
    await publishRetrained(1, { ...coTraining, candidateRun: "u@2:d:1" });
    expect(await world.decisions()).toEqual(["u@2 held: worse, needs (d)", "d@2 refused: worse", "d@2,u@2 promoted"]);
    expect(await inUse()).toEqual({ u: 2, d: 2 });
    expect(await requests()).toHaveLength(2);
    expect((await requests())[1]).toMatch(/^u@2:d:1 cancelled/);
  });

  test("after three trainings that are worse too, the candidate is refused, and stays so", async () => {
    world = openGatedEvaluators();
    await coupled(coTraining);
    await publishRight();
    for (const attempt of [1, 2, 3]) {
      expect((await requests()).at(-1)).toBe(`u@2:d:${attempt} requested {"u":2}`);
      await publishRetrained(3, { ...coTraining, candidateRun: `u@2:d:${attempt}` });
    }
    expect((await world.decisions()).at(-1)).toBe("u@2 refused: self-defeating-after-retraining");
    expect(await inUse()).toEqual({ u: 1, d: 1 });
    const length = (await world.entries()).length;
    await world.quiet();
    expect(await world.entries()).toHaveLength(length);
  });

  test("nobody is asked whose team does not co-train", async () => {
    world = openGatedEvaluators();
    await coupled();
    await publishRight();
    expect(await world.decisions()).toEqual(["u@2 held: worse, needs (d)"]);
    expect(await requests()).toEqual([]);
  });

  test("nobody is asked to train on a candidate that no set may move, and another component answers nothing", async () => {
    world = openGatedEvaluators();
    await coupled(coTraining);
    await world.publish("u", { x: 2 }, {}, { gating: { sets: false, cotrain: false } });
    await world.quiet();
    expect(await world.decisions()).toEqual(["u@2 held: worse, needs (d)"]);
    expect(await requests()).toEqual([]);
    await world.publish("u", { x: 2 }, {}, { candidateRun: "u@3:d:1" });
    await world.quiet();
    expect(await requests()).toEqual(['u@3:d:1 requested {"u":3}']);
  });

  test("a newer candidate takes the place of the one that is being trained on", async () => {
    world = openGatedEvaluators();
    await coupled(coTraining);
    await publishRight();
    await publishRight();
    expect(await requests()).toEqual([
      'u@2:d:1 requested {"u":2}',
      'u@2:d:1 cancelled {"u":2}',
      'u@3:d:1 requested {"u":3}',
    ]);
  });
});

describe("sets", () => {
  test("two updates that only work together are found and released as one, with one question", async () => {
    world = openGatedEvaluators();
    await coupled();
    await publishRight();
    await publishRetrained(1);
    expect(await world.decisions()).toEqual(["u@2 held: worse, needs (d)", "d@2 refused: worse", "d@2,u@2 promoted"]);
    const asked = (await world.entries()).flatMap((entry) => (entry.entry === "decision" ? [entry.asked] : []));
    expect(asked).toEqual([null, null, { part: "confirm", question: 1 }]);
    expect((await world.releases()).at(-1)).toMatchObject({ number: 3, composition: { u: 2, d: 2 }, kind: "promote" });
  });

  test("a component whose team opted out is not moved, nor is a snapshot that a person holds", async () => {
    world = openGatedEvaluators();
    await coupled();
    await publishRight();
    await publishRetrained(1, { gating: { sets: false, cotrain: false } });
    await world.order({ verb: "hold", snapshots: [{ component: "d", serial: 3 }] });
    await publishRetrained(1);
    expect(await inUse()).toEqual({ u: 1, d: 1 });
    expect(await world.decisions()).not.toContain("d@2,u@2 promoted");
    await world.order({ verb: "resume", snapshots: [{ component: "d", serial: 3 }] });
    await world.quiet();
    expect(await inUse()).toEqual({ u: 2, d: 3 });
  });
});
