import { afterEach, describe, expect, test } from "vitest";
import { UncoupleError } from "../../../../services/common/errors.ts";
import type { GatePolicy } from "../../../../services/pipeline/gate.ts";
import type { Pipeline } from "../../../../services/pipeline/pipeline.ts";
import type { Decision, LedgerEntry } from "../../../../services/pipeline/release.ts";
import type { Backplane } from "../../../../services/registry/backplane.ts";
import { quarantine } from "../../../helpers/drafts.ts";
import { type GatedEvaluators, openGatedEvaluators } from "../../../helpers/gated-evaluators.ts";
import { good } from "../../../helpers/memory-evaluators.ts";

let world: GatedEvaluators;
afterEach(() => world.close());
const open = (gate: Partial<GatePolicy> = {}, change: Partial<Pipeline> = {}) => {
  world = openGatedEvaluators(gate, change);
  return world;
};

/** Releases u@1, with half of the right output, and d@1, which is right when u is. */
async function founded(): Promise<void> {
  await world.publish("u", { x: 1 });
  await world.publish("d", good);
  await world.quiet();
}

async function publishRight(): Promise<void> {
  await world.publish("u", { x: 2 });
  await world.quiet();
}

const inUse = async () => (await world.backplane.ledger.release())?.value.composition;

describe("single updates", () => {
  test("the first snapshots are released by bootstrap, a better one by a decision, and a worse one is refused", async () => {
    open().gated();
    await founded();
    await publishRight();
    await world.publish("u", { x: 1.5 });
    await world.quiet();
    expect(await world.decisions()).toEqual(["u@2 promoted", "u@3 refused: worse"]);
    const releases = await world.releases();
    expect(releases.map(({ number, composition, kind, cause }) => ({ number, composition, kind, cause }))).toEqual([
      { number: 1, composition: { u: 1 }, kind: "promote", cause: { type: "bootstrap" } },
      { number: 2, composition: { u: 1, d: 1 }, kind: "promote", cause: { type: "bootstrap" } },
      { number: 3, composition: { u: 2, d: 1 }, kind: "promote", cause: { type: "decision", position: 3 } },
    ]);
  });

  test("an update that changes nothing is held, and is not asked about", async () => {
    open().gated();
    await founded();
    await publishRight();
    await publishRight();
    expect(await world.decisions()).toEqual(["u@2 promoted", "u@3 held: inconclusive"]);
    expect(await asked()).toEqual([{ part: "confirm", question: 1 }, null]);
  });

  test("without bootstrap, a person releases first: until then candidates are held", async () => {
    open({ bootstrap: "person" }).gated();
    await founded();
    expect(await world.decisions()).toEqual(["u@1 held: missing", "d@1 held: missing"]);
    expect(await world.releases()).toEqual([]);
    await world.byPerson({ u: 1, d: 1 });
    await publishRight();
    expect(await inUse()).toEqual({ u: 2, d: 1 });
  });

  test("a store of before begins with its champions, which stay where they are", async () => {
    open({ bootstrap: "person" });
    await world.publish("u", { x: 1.5 });
    await world.backplane.registry.setAlias("u", "champion", 1, null, "ann");
    world.gated();
    await world.publish("d", good);
    await world.publish("u", { x: 2 });
    await world.quiet();
    expect((await world.releases()).map(({ composition, cause, pinned }) => ({ composition, cause, pinned }))).toEqual([
      { composition: { u: 1 }, cause: { type: "founded" }, pinned: ["u"] },
    ]);
    expect(await world.decisions()).toEqual(["d@1 held: missing", "u@2 held: pinned"]);
  });

  test("a component of the gate's hold is never promoted by the gate", async () => {
    open({ hold: ["u"] }).gated();
    await world.byPerson({ u: 1, d: 1 });
    await founded();
    await publishRight();
    expect(await world.decisions()).toEqual(["u@2 held: manual"]);
  });

  test("a gate that decides about an update several times over asks once", async () => {
    const { gated } = open();
    const { evaluator } = gated();
    await founded();
    await publishRight();
    await publishRight();
    await evaluator.stop();
    gated({ name: "e2" });
    await world.quiet();
    expect(await world.decisions()).toEqual(["u@2 promoted", "u@3 held: inconclusive"]);
  });
});

describe("the horizon", () => {
  test("once it is spent, what screen rows promise is held, until a person opens the reserve", async () => {
    open({ horizon: 1 }).gated();
    await founded();
    await world.publish("u", { x: 1.5 });
    await world.quiet();
    await publishRight();
    expect(await world.decisions()).toEqual(["u@2 promoted", "u@3 held: spent"]);
    await world.order({ verb: "open-reserve", snapshots: [], generation: 1 });
    await world.quiet();
    expect(await world.decisions()).toEqual(["u@2 promoted", "u@3 held: spent", "u@3 promoted"]);
    expect(await asked()).toEqual([{ part: "confirm", question: 1 }, null, { part: "reserve", question: 1 }]);
    expect(await inUse()).toEqual({ u: 3, d: 1 });
  });
});

describe("decisions are made again", () => {
  test("on new held-out rows, whose questions are not spent", async () => {
    const { gated } = open({ horizon: 1 });
    const { evaluator } = gated();
    await founded();
    await world.publish("u", { x: 1.5 });
    await world.quiet();
    await publishRight();
    await evaluator.stop();
    gated({ name: "e2", fingerprint: "new rows" });
    await world.quiet();
    expect(await world.decisions()).toEqual(["u@2 promoted", "u@3 held: spent", "u@3 promoted"]);
    const generations = (await world.entries()).flatMap((one) => (one.entry === "decision" ? [one.generation] : []));
    expect(generations).toEqual([1, 1, 2]);
  });

  test("by another gate", async () => {
    const { gated } = open();
    const { evaluator } = gated();
    await founded();
    await publishRight();
    await publishRight();
    await evaluator.stop();
    gated({ name: "e2", gate: { require: "non-inferior" } });
    await world.quiet();
    expect(await world.decisions()).toEqual(["u@2 promoted", "u@3 held: inconclusive", "u@3 promoted"]);
    expect(await inUse()).toEqual({ u: 3, d: 1 });
  });
});

describe("people", () => {
  test("a snapshot on hold is not promoted before the hold is lifted", async () => {
    open().gated();
    await founded();
    await world.order({ verb: "hold", snapshots: [{ component: "u", serial: 2 }] });
    await publishRight();
    expect(await world.decisions()).toEqual(["u@2 held: held-by-person"]);
    await world.order({ verb: "resume", snapshots: [{ component: "u", serial: 2 }] });
    await world.quiet();
    expect(await world.decisions()).toEqual(["u@2 held: held-by-person", "u@2 promoted"]);
  });

  test("what a person rolled back stays back, and something newer is promoted", async () => {
    open().gated();
    await founded();
    await world.publish("u", { x: 1.5 });
    await world.quiet();
    await world.order({ verb: "hold", snapshots: [{ component: "u", serial: 2 }] });
    await world.byPerson({ u: 1, d: 1 }, "rollback");
    await world.quiet();
    expect(await inUse()).toEqual({ u: 1, d: 1 });
    // Better than what is released, and worse than what a person took back.
    await world.publish("u", { x: 1.4 });
    await world.quiet();
    expect(await inUse()).toEqual({ u: 3, d: 1 });
    expect(await world.decisions()).toEqual(["u@2 promoted", "u@2 held: held-by-person", "u@3 promoted"]);
  });

  test("a release of a person between decision and release voids the decision, which is made again", async () => {
    open();
    // d@2 is as good as d@1.
    const interfering = over(async (entry, append) => {
      if (entry.entry !== "decision" || entry.decision !== "promoted") return append();
      const position = await append();
      if ((await inUse())?.d === 1) await world.byPerson({ u: 1, d: 2 });
      return position;
    });
    world.gated({ backplane: interfering });
    await founded();
    await world.publish("d", good);
    await world.quiet();
    await publishRight();
    expect(await world.decisions()).toEqual([
      "d@2 held: inconclusive",
      "u@2 promoted",
      "u@2 void: moved",
      "u@2 promoted",
    ]);
    expect(await inUse()).toEqual({ u: 2, d: 2 });
  });

  test("nothing is promoted during a freeze, and what waited is promoted at its end", async () => {
    const freeze = [{ from: "1970-01-01T00:00:00Z", to: "1970-01-01T01:00:00Z", reason: "holidays" }];
    open({}, { freeze });
    await world.byPerson({ u: 1, d: 1 });
    world.gated();
    await founded();
    await publishRight();
    expect(await world.decisions()).toEqual(["u@2 held: freeze"]);
    await world.clock.advance(3_600_000);
    await world.quiet();
    expect(await world.decisions()).toEqual(["u@2 held: freeze", "u@2 promoted"]);
    expect(await inUse()).toEqual({ u: 2, d: 1 });
  });
});

describe("faults", () => {
  test("a released snapshot that is quarantined gives way to the newest earlier one that is sound", async () => {
    open().gated();
    await founded();
    await publishRight();
    await world.backplane.quarantines.append(quarantine("u", 2));
    await world.quiet();
    const newest = (await world.releases()).at(-1);
    expect(newest).toMatchObject({ number: 4, composition: { u: 1, d: 1 }, kind: "rollback" });
    expect(newest?.cause).toEqual({ type: "quarantine", snapshot: { component: "u", serial: 2 } });
  });

  test("a promotion whose evaluator dies before the release is carried out once, by another one", async () => {
    open();
    let die = (_: Error) => {};
    const death = new Promise<undefined>((_, reject) => {
      die = reject;
    });
    const dying = over((entry, append) =>
      entry.entry === "release" && entry.cause.type === "decision" ? death : append(),
    );
    world.gated({ backplane: { ...dying, leases: stolenLeases(world.backplane) } });
    await founded();
    await publishRight();
    expect(await world.decisions()).toEqual(["u@2 promoted"]);
    expect(await inUse()).toEqual({ u: 1, d: 1 });
    world.gated({ name: "e2" });
    world.gated({ name: "e3" });
    await world.quiet();
    expect(await world.decisions()).toEqual(["u@2 promoted"]);
    expect((await world.releases()).filter(({ cause }) => cause.type === "decision")).toHaveLength(1);
    expect(await inUse()).toEqual({ u: 2, d: 1 });
    die(new UncoupleError("unavailable", "killed"));
  });

  test("of several evaluators one decides, and another one goes on when it stops", async () => {
    const { gated } = open();
    const first = gated();
    gated({ name: "e2" });
    await founded();
    await world.publish("u", { x: 1.5 });
    await world.quiet();
    expect(await world.backplane.leases.holder("gate")).toBe("e1");
    await first.evaluator.stop();
    await publishRight();
    const by = (await world.entries()).flatMap((entry) => (entry.entry === "decision" ? [entry.by] : []));
    expect(by).toEqual(["e1", "e2"]);
    expect(await world.decisions()).toEqual(["u@2 promoted", "u@3 promoted"]);
  });
});

async function asked(): Promise<readonly Decision["asked"][]> {
  return (await world.entries()).flatMap((entry) => (entry.entry === "decision" ? [entry.asked] : []));
}

/** The world's backplane, with something in the way of appending to the ledger. */
function over(
  append: (entry: LedgerEntry, append: () => Promise<number | undefined>) => Promise<number | undefined>,
): Backplane {
  const { backplane } = world;
  const { ledger } = backplane;
  return {
    ...backplane,
    ledger: { ...ledger, append: (entry, after) => append(entry, () => ledger.append(entry, after)) },
  };
}

/** Leases of an evaluator that dies: nobody else finds them held. */
function stolenLeases({ leases }: Backplane): Backplane["leases"] {
  return {
    ...leases,
    acquire: async () => ({ lost: new AbortController().signal, release: async () => {} }),
  };
}
