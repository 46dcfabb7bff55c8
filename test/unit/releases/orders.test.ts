import { beforeEach, describe, expect, test } from "vitest";
import { DEFAULT_GATE } from "../../../services/pipeline/gate.ts";
import {
  type OrderDeps,
  openReserve,
  order,
  type PromoteRequest,
  promoteByHand,
  rollbackReleases,
} from "../../../services/releases/orders.ts";
import { decision, generation, order as orderDraft, quarantine, tombstone } from "../../helpers/drafts.ts";
import { createReleaseWorld, ENFORCE, type ReleaseWorld, snapshots } from "../../helpers/release-world.ts";

let world: ReleaseWorld;
beforeEach(async () => {
  world = createReleaseWorld();
  await world.apply({ gate: ENFORCE });
  await world.judged("m1", 3);
  await world.judged("m2", 2);
});

const promote = (names: readonly string[], change: Partial<PromoteRequest> = {}, deps: OrderDeps = world.deps) =>
  promoteByHand(deps, { snapshots: snapshots(...names), by: "ada", reason: "audited", override: false, ...change });
const rollback = (to?: number) => rollbackReleases(world.deps, { by: "ada", reason: "incident", to });
const say = (verb: "hold" | "refuse" | "resume", ...names: readonly string[]) =>
  order(world.deps, { verb, snapshots: snapshots(...names), by: "ada", reason: "why not" });
const inUse = async () => (await world.backplane.ledger.release())?.value.composition;

/** The world with a ledger in which another release comes first, once. */
function overtaken(composition: Readonly<Record<string, number>>): OrderDeps {
  const { ledger } = world.backplane;
  let done = false;
  const racing: typeof ledger = {
    ...ledger,
    async append(entry, after) {
      if (entry.entry === "release" && !done) {
        done = true;
        await world.released(composition, { cause: { type: "person", by: "bob", reason: "first" } });
      }
      return ledger.append(entry, after);
    },
  };
  return { ...world.deps, backplane: { ...world.backplane, ledger: racing } };
}

describe("promoting by hand", () => {
  test("the first release of a pipeline under a gate is a person's, and says what it lacks", async () => {
    const { release, missing } = await promote(["m1@1"]);
    expect(release).toMatchObject({
      number: 1,
      previous: null,
      kind: "promote",
      composition: { m1: 1 },
      cause: { type: "person", by: "ada", reason: "audited" },
      pinned: [],
      at: "2026-03-02T12:00:00.000Z",
    });
    expect(release.cause).not.toHaveProperty("overrides");
    expect(missing).toEqual(["m2"]);
    expect((await promote(["m2@1"])).missing).toEqual([]);
    expect(await inUse()).toEqual({ m1: 1, m2: 1 });
  });

  test("a set moves in one release, and its models cannot be deleted before", async () => {
    await world.released({ m1: 1, m2: 1 });
    const { release } = await promote(["m2@2", "m1@3"], { override: true });
    expect(release).toMatchObject({ number: 2, previous: 1, composition: { m1: 3, m2: 2 } });
    expect((await world.backplane.retention.state()).pinned).toEqual([]);
    await world.backplane.retention.delete(tombstone("m1", 2), (await world.backplane.retention.state()).position);
    await expect(promote(["m1@2"], { override: true })).rejects.toMatchObject({
      code: "deleted",
      message: expect.stringContaining("cannot promote m1@2: m1@2 was deleted on"),
    });
  });

  test("without a gate that enforces, the components are pinned", async () => {
    await world.apply({ gate: DEFAULT_GATE });
    await world.released({ m1: 3, m2: 2 });
    const { release } = await promote(["m1@2"], { reason: null });
    expect(release).toMatchObject({ kind: "pin", composition: { m1: 2, m2: 2 }, pinned: ["m1"] });
    expect((await promote(["m2@2"])).release).toMatchObject({ composition: { m1: 2, m2: 2 }, pinned: ["m1", "m2"] });
  });

  test("without a gate and before the first release, an evaluator comes first", async () => {
    await world.apply({});
    await expect(promote(["m1@2"])).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining("an evaluator writes the first one"),
    });
  });

  test.each([
    { names: ["m1@1", "m1@1"], code: "invalid-argument", says: "m1@1 is named twice" },
    { names: ["m1@1", "m1@2"], code: "invalid-argument", says: "m1@1 and m1@2 are snapshots of one component" },
    {
      names: ["m3@1"],
      code: "not-found",
      says: 'pipeline demo has no component "m3"; available: m1, m2; did you mean "m1"?',
    },
    { names: ["m1@9"], code: "not-found", says: "no snapshot m1@9: its newest is 3" },
  ])("says what is wrong with $names", async ({ names, code, says }) => {
    await expect(promote(names)).rejects.toMatchObject({ code, message: expect.stringContaining(says) });
    expect(await world.entries()).toEqual([]);
  });

  test("names everything that cannot be released: what is quarantined and what is not judged", async () => {
    await world.backplane.quarantines.append(quarantine("m1", 2));
    const serial = await world.published("m2");
    await expect(promote(["m1@2", `m2@${serial}`])).rejects.toMatchObject({
      code: "failed-precondition",
      message: `cannot promote m1@2,m2@3: m1@2 is quarantined (not-finite: 3 of 100 rows are NaN); m2@3 is not judged yet`,
    });
  });

  test("needs a reason under a gate that enforces", async () => {
    for (const reason of [null, "  "]) {
      await expect(promote(["m1@1"], { reason })).rejects.toMatchObject({
        code: "invalid-argument",
        message: "the gate in force has mode enforce, so the ledger needs a reason; add --reason TEXT",
      });
    }
  });

  test("refuses what is in use already", async () => {
    await world.released({ m1: 2, m2: 1 });
    await expect(promote(["m1@2", "m2@1"])).rejects.toMatchObject({
      code: "failed-precondition",
      message: "m1@2,m2@1 is already in use, by release 1",
    });
  });

  test("against a release that is not in use any more, says who moved it", async () => {
    await world.released({ m1: 1, m2: 1 });
    await world.released({ m1: 1, m2: 2 }, { cause: { type: "person", by: "bob", reason: "faster" } });
    await expect(promote(["m1@2"], { against: 1, override: true })).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("release 2 is in use (bob: faster), not release 1"),
    });
    expect((await promote(["m1@2"], { against: 2, override: true })).release.number).toBe(3);
  });

  test("takes a release of other components that comes first into account", async () => {
    await world.released({ m1: 1, m2: 1 });
    const { release } = await promote(["m1@2"], { override: true }, overtaken({ m1: 1, m2: 2 }));
    expect(release).toMatchObject({ number: 3, composition: { m1: 2, m2: 2 } });
  });

  test("gives way to a release of the same component that comes first", async () => {
    await world.released({ m1: 1, m2: 1 });
    await expect(promote(["m1@2"], { override: true }, overtaken({ m1: 3, m2: 1 }))).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("release 2 came first and moved m1 (bob: first)"),
    });
    expect(await inUse()).toEqual({ m1: 3, m2: 1 });
  });

  test("needs an override against orders and decisions, all of them named, and keeps which", async () => {
    await world.released({ m1: 1, m2: 1 });
    await world.appended(orderDraft("hold", snapshots("m2@2"), { by: "bob", reason: "audit until Friday" }));
    await world.appended(decision({ m1: 2 }, { decision: "refused", reasons: ["worse"] }));
    await world.appended(decision({ m2: 2 }, { decision: "held", reasons: ["held-by-person"] }));
    await expect(promote(["m1@2", "m2@2"])).rejects.toMatchObject({
      code: "failed-precondition",
      message:
        "m2@2 was held by bob: audit until Friday; the gate refused m1@2 (worse); add --override to promote m1@2,m2@2 anyway, which is recorded",
    });
    const { release } = await promote(["m1@2", "m2@2"], { override: true });
    expect(release.cause).toEqual({ type: "person", by: "ada", reason: "audited", overrides: ["held", "refused"] });
  });
});

describe("rolling back", () => {
  test("restores the release before, holds what it takes back, and goes further back when repeated", async () => {
    await world.released({ m1: 1, m2: 1 });
    await world.released({ m1: 2, m2: 1 });
    await world.released({ m1: 3, m2: 2 });
    const first = await rollback();
    expect(first).toMatchObject({
      restored: 2,
      held: snapshots("m1@3", "m2@2"),
      missing: [],
      release: { number: 4, kind: "rollback", composition: { m1: 2, m2: 1 }, pinned: [], previous: 3 },
    });
    expect((await world.entries()).at(-2)).toMatchObject({
      entry: "order",
      verb: "hold",
      snapshots: snapshots("m1@3", "m2@2"),
      by: "ada",
      reason: "rolled back from release 3 to 2: incident",
    });
    expect(await rollback()).toMatchObject({ restored: 1, held: snapshots("m1@2") });
    await expect(rollback()).rejects.toMatchObject({
      code: "failed-precondition",
      message: "release 5 has no release before it with another composition: there is nothing to roll back to",
    });
  });

  test("restores any release by its number, also a newer one", async () => {
    await world.released({ m1: 1, m2: 1 });
    await world.released({ m1: 2, m2: 1 });
    await rollback(1);
    expect(await rollback(2)).toMatchObject({ restored: 2, release: { number: 4, composition: { m1: 2, m2: 1 } } });
    await expect(rollback(9)).rejects.toMatchObject({ code: "not-found", message: "no release 9: the newest is 4" });
    await expect(rollback(4)).rejects.toMatchObject({
      code: "failed-precondition",
      message: "the composition of release 4 is in use already",
    });
  });

  test("without a gate, pins what it moves, and holds nothing", async () => {
    await world.apply({});
    await world.released({ m1: 1, m2: 1 });
    await world.released({ m1: 2, m2: 1 });
    const { release, held } = await rollback();
    expect(release.pinned).toEqual(["m1"]);
    expect(held).toEqual([]);
    expect((await world.entries()).every(({ entry }) => entry === "release")).toBe(true);
  });

  test("leaves out components that the pipeline no longer has, and says which it lacks", async () => {
    await world.released({ m1: 1, old: 4 });
    await world.released({ m1: 2, m2: 1 });
    expect(await rollback()).toMatchObject({ missing: ["m2"], release: { composition: { m1: 1 } } });
  });

  test("names snapshots of the release that cannot be used any more, and changes nothing", async () => {
    await world.released({ m1: 1, m2: 1 });
    await world.released({ m1: 2, m2: 2 });
    await world.backplane.quarantines.append(quarantine("m1", 1));
    await world.backplane.retention.delete(tombstone("m2", 1), (await world.backplane.retention.state()).position);
    await expect(rollback()).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringMatching(
        /^cannot roll back to release 1 \(choose another with --to\): m1@1 is quarantined \(not-finite: .*\); m2@1 was deleted on /,
      ),
    });
    expect((await world.entries()).length).toBe(2);
  });

  test("before the first release, there is nothing to roll back", async () => {
    await expect(rollback()).rejects.toMatchObject({ message: expect.stringContaining("there is no release yet") });
    await expect(rollback(1)).rejects.toMatchObject({ code: "not-found", message: "there is no release yet" });
  });

  test("gives way to a release that comes first, and lifts its holds, not those of others", async () => {
    await world.released({ m1: 1, m2: 1 });
    await world.released({ m1: 2, m2: 2 });
    await world.appended(orderDraft("refuse", snapshots("m2@2")));
    await expect(
      rollbackReleases(overtaken({ m1: 3, m2: 2 }), { by: "ada", reason: "incident" }),
    ).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("release 3 (bob: first) came first"),
    });
    const orders = (await world.entries()).filter(({ entry }) => entry === "order");
    expect(orders).toMatchObject([
      { verb: "refuse", snapshots: snapshots("m2@2") },
      { verb: "hold", snapshots: snapshots("m1@2") },
      { verb: "resume", snapshots: snapshots("m1@2") },
    ]);
  });

  test("a freeze does not prevent it", async () => {
    await world.apply({ gate: ENFORCE, freeze: [{ from: "2026-01-01", to: "2027-01-01", reason: null }] });
    await world.released({ m1: 1, m2: 1 });
    await world.released({ m1: 2, m2: 1 });
    expect((await rollback()).release.composition).toEqual({ m1: 1, m2: 1 });
  });
});

describe("orders", () => {
  test("hold, refuse and resume are kept with who and why, also for snapshots that are not judged yet", async () => {
    const serial = await world.published("m1");
    expect(await say("hold", `m1@${serial}`, "m1@3")).toMatchObject({
      entry: "order",
      verb: "hold",
      snapshots: snapshots("m1@4", "m1@3"),
      by: "ada",
      reason: "why not",
    });
    await say("refuse", "m2@2");
    await say("resume", "m1@4");
    await expect(say("resume", "m1@4")).rejects.toMatchObject({
      code: "failed-precondition",
      message: "m1@4 is neither held nor refused",
    });
    await say("resume", "m1@3", "m2@2");
  });

  test("of two people at once, the second decides on what the first said", async () => {
    await say("hold", "m1@3");
    const resume = (by: string) =>
      order(world.deps, { verb: "resume", snapshots: snapshots("m1@3"), by, reason: "passed" });
    const outcomes = await Promise.allSettled([resume("ada"), resume("bob")]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  test("are refused where they could not do what they say", async () => {
    await world.released({ m1: 2, m2: 1 });
    await expect(say("hold", "m1@2")).rejects.toMatchObject({
      code: "failed-precondition",
      message: "m1@2 is in use, by release 1; take it out of use with `uncouple rollback`, which holds it",
    });
    await world.backplane.quarantines.append(quarantine("m1", 3));
    await expect(say("refuse", "m1@3")).rejects.toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining("cannot refuse what is never promoted: m1@3 is quarantined"),
    });
    await expect(say("hold", "m2@2", "m2@2")).rejects.toMatchObject({
      code: "invalid-argument",
      message: "m2@2 is named twice",
    });
    await expect(say("hold", "m2@8")).rejects.toMatchObject({ code: "not-found" });
    await expect(
      order(world.deps, { verb: "hold", snapshots: snapshots("m2@2"), by: "ada", reason: null }),
    ).rejects.toMatchObject({ code: "invalid-argument", message: expect.stringContaining("add --reason TEXT") });
  });
});

describe("opening the reserve", () => {
  const open = () => openReserve(world.deps, { by: "ada", reason: "new rows come in March" });

  test("is of the held-out rows in use, once", async () => {
    await expect(open()).rejects.toMatchObject({ message: expect.stringContaining("no evaluator has read") });
    await world.backplane.generations.start(generation(1));
    await world.backplane.generations.start(generation(2));
    expect(await open()).toMatchObject({ verb: "open-reserve", generation: 2, snapshots: [], by: "ada" });
    await expect(open()).rejects.toMatchObject({
      code: "failed-precondition",
      message: "the reserve rows of held-out generation 2 are open already",
    });
  });

  test("needs a gate that enforces", async () => {
    await world.apply({ gate: DEFAULT_GATE });
    await expect(open()).rejects.toMatchObject({ message: expect.stringContaining("no gate with mode enforce") });
  });
});
