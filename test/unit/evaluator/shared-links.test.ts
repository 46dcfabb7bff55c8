import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { collectGarbage } from "../../../services/composition/collect-garbage.ts";
import { withPipelineView } from "../../../services/composition/pipeline-view.ts";
import { DEFAULT_GATE } from "../../../services/pipeline/gate.ts";
import type { Provenance } from "../../../services/pipeline/manifest.ts";
import { movesName } from "../../../services/pipeline/release.ts";
import { collect } from "../../../services/registry/logged.ts";
import { draft, tombstone } from "../../helpers/drafts.ts";
import { good, specs } from "../../helpers/memory-evaluators.ts";
import { openSharedWorld, type SharedWorld } from "../../helpers/shared-world.ts";

const never = new AbortController().signal;

describe("an evaluator of a pipeline that uses another pipeline's component", () => {
  let world: SharedWorld;
  beforeEach(async () => {
    world = openSharedWorld();
    await world.applyOwner();
  });
  afterEach(async () => {
    await world.close();
    await world.ads.close();
  });
  const isLinked = (...serials: number[]) =>
    world.until(async () => JSON.stringify(await world.linked()) === JSON.stringify(serials));
  const inUse = async () => (await world.backplane.ledger.release())?.value.composition;
  /** Why the component gets no newer snapshot. */
  const warnings = (records: readonly Record<string, unknown>[]) =>
    records.filter(({ component }) => component === "u").flatMap(({ reason }) => reason ?? []);
  const deleteLink = async (serial: number) => {
    const { retention } = world.backplane;
    await retention.delete(tombstone("u", serial, { pipeline: "demo" }), (await retention.state()).position);
  };

  test("each release of the owner is a snapshot here, judged and released, with the owner's bytes", async () => {
    world.start({ pipeline: world.using() });
    await world.publish("d", good);
    const first = await world.publishOwner({ x: 1.5 });
    await world.publishOwner({ x: 2 });
    await world.releaseOwner(1);
    await isLinked(1);
    await world.settled(2);
    await world.releaseOwner(2);
    await isLinked(1, 2);
    const { verdicts } = await world.settled(3);
    expect(verdicts.at(-1)).toMatchObject({ pipeline: "demo", component: "u", serial: 2, kind: "improved" });
    await world.until(async () => (await inUse())?.u === 2);
    const [linked] = await world.backplane.registry.list("u");
    expect(linked?.provenance).toMatchObject({
      origin: { pipeline: "ads", component: "u", serial: 1 },
      model: "linear",
    });
    // These are serials of the owner's store.
    expect(linked?.provenance).not.toHaveProperty("upstream");
    expect(linked?.digest).toBe(first.digest);
    expect((await world.backplane.usage()).models.used).toBeLessThan(100);
  });

  test("a release that takes the owner back is a new snapshot here", async () => {
    world.start({ pipeline: world.using() });
    await world.publishOwner({ x: 1.5 });
    await world.publishOwner({ x: 2 });
    for (const serial of [2, 1]) {
      await world.releaseOwner(serial);
      await world.until(async () => (await world.linked()).at(-1) === serial);
    }
    // Releases of other components do not matter to it.
    await world.releaseOwner(1);
    await world.clock.advance(60_000);
    expect(await world.linked()).toEqual([2, 1]);
  });

  test("a gate decides about each of the owner's releases by this pipeline's loss", async () => {
    const gate = { ...DEFAULT_GATE, mode: "enforce", bootstrap: "newest" } as const;
    world.start({ pipeline: { ...world.using(), gate } }, undefined, { split: gate.split });
    await world.publish("d", good);
    const decided = async () =>
      (await collect(world.backplane.ledger.read(0))).flatMap((entry) =>
        entry.entry === "decision" ? [`${movesName(entry.moves)} ${entry.decision}`] : [],
      );
    for (const [index, weight] of [1.5, 2, 9].entries()) {
      await world.publishOwner({ x: weight });
      await world.releaseOwner(index + 1);
      await world.until(async () => (await world.linked()).length === index + 1);
      await world.settled(index + 2);
      await world.until(async () => (index === 0 ? (await inUse())?.u === 1 : (await decided()).length === index));
    }
    expect(await decided()).toEqual(["u@2 promoted", "u@3 refused"]);
    await world.until(async () => (await inUse())?.u === 2);
  });

  test("a team trains on a linked candidate that a gate holds for it, and both are released as one", async () => {
    const gate = { ...DEFAULT_GATE, mode: "enforce", bootstrap: "newest" } as const;
    world.start({ pipeline: { ...world.using(), gate } }, undefined, { split: gate.split });
    // The owner's team keeps its snapshots out of sets, of its own pipeline.
    const closed = { gating: { sets: false, cotrain: true } };
    const releaseNext = async (serial: number, weight: number) => {
      await world.publishOwner({ x: weight }, closed);
      await world.releaseOwner(serial);
      await isLinked(...Array.from({ length: serial }, (_, index) => index + 1));
    };
    const publish = (weight: number, provenance: Partial<Provenance>) =>
      world.publish("d", { x: 1, "u-out": weight }, {}, { gating: { sets: true, cotrain: true }, ...provenance });
    await releaseNext(1, 1);
    await publish(1.5, { upstream: { u: 1 } });
    await world.until(async () => (await inUse())?.d === 1);
    // Right, and worse with the d that makes up for the one before.
    await releaseNext(2, 2);
    const asked = async () =>
      (await collect(world.backplane.ledger.read(0))).filter((entry) => entry.entry === "candidate-run");
    await world.until(async () => (await asked()).length > 0);
    expect(await asked()).toMatchObject([{ id: "u@2:d:1", state: "requested", upstream: { u: 2 } }]);
    await publish(1, { upstream: { u: 2 }, candidateRun: "u@2:d:1" });
    await world.until(async () => JSON.stringify(await inUse()) === '{"u":2,"d":2}');
  });

  test("what the owner has not released is not used, and the log says what is missing", async () => {
    const { records } = world.start({ pipeline: world.using() });
    await world.publishOwner({ x: 2 });
    await world.clock.advance(3_600_000);
    expect(await world.linked()).toEqual([]);
    expect(warnings(records)).toEqual(["pipeline ads has released no snapshot of u yet"]);
  });

  test("a pinned serial is used, whatever the owner releases", async () => {
    world.start({ pipeline: world.using(1) });
    await world.publishOwner({ x: 1.5 });
    await world.publishOwner({ x: 2 });
    await world.releaseOwner(2);
    await isLinked(1);
    await world.clock.advance(60_000);
    expect(await world.linked()).toEqual([1]);
  });

  test("what its owner quarantines is quarantined here, and the detail says who did it", async () => {
    world.start({ pipeline: world.using() });
    await world.publishOwner({ x: 1.5 });
    await world.publishOwner({ x: 2 });
    await world.releaseOwner(1);
    await isLinked(1);
    await world.quarantineOwner(1, "the graph fails");
    const { quarantines } = await world.settled(2);
    expect(quarantines).toMatchObject([
      { component: "u", serial: 1, detail: "pipeline ads quarantined ads/u@1: the graph fails" },
    ]);
  });

  test("an owner's snapshot that is quarantined there already is not linked", async () => {
    await world.publishOwner({ x: 1.5 });
    await world.quarantineOwner(1, "the graph fails");
    await world.releaseOwner(1);
    const { records } = world.start({ pipeline: world.using() });
    await world.until(async () => warnings(records).length > 0);
    expect(warnings(records)).toEqual(["ads/u@1 is quarantined by its owner"]);
    expect(await world.linked()).toEqual([]);
  });

  test.each([
    ["removes the component", null, "pipeline ads has no component u any more"],
    [
      "changes what it emits",
      { output: { name: "u-out", width: 2, meaning: "real" } as const },
      "`output.width` is 2 in pipeline ads, but 1 here",
    ],
  ])("an owner that %s leaves the last linked snapshot in use, and the log says why", async (_, change, reason) => {
    const { records } = world.start({ pipeline: world.using() });
    await world.publish("d", good);
    await world.publishOwner({ x: 2 });
    await world.publishOwner({ x: 2.5 });
    await world.releaseOwner(1);
    await isLinked(1);
    await world.settled(2);
    await world.applyOwner(change);
    await world.releaseOwner(2);
    await world.until(async () => warnings(records).length > 0);
    expect(warnings(records)).toEqual([`${reason}; run \`uncouple pipeline lock\`, and apply the file`]);
    expect(await world.linked()).toEqual([1]);
    expect((await inUse())?.u).toBe(1);
  });

  test("the owner's garbage collection keeps what is linked here, until the link is deleted", async () => {
    world.start({ pipeline: world.using() });
    for (const x of [1.5, 2, 2.5]) await world.publishOwner({ x });
    await world.releaseOwner(1);
    await isLinked(1);
    await world.releaseOwner(3);
    await isLinked(1, 3);
    const policy = { keep: 1, champions: 0 };
    const { ads, clock } = world;
    // Settled snapshots are not kept for their verdicts.
    for (const serial of [1, 2, 3]) await world.quarantineOwner(serial, "test");
    const collectOwners = () =>
      withPipelineView({ backplane: ads, clock }, never, (view, signal) =>
        collectGarbage({ pipeline: "ads", policy, by: "test", backplane: ads, view, clock }, signal),
      );
    expect((await collectOwners()).deleted).toMatchObject([{ component: "u", serial: 2 }]);
    expect((await ads.retention.state()).references).toMatchObject([
      { serial: 1, by: "demo", holder: "demo/u ads/u@1" },
      { serial: 3, by: "demo", holder: "demo/u ads/u@3" },
    ]);
    await deleteLink(1);
    await world.until(async () => (await ads.retention.state()).references.length === 1);
    expect((await collectOwners()).deleted).toMatchObject([{ component: "u", serial: 1 }]);
  });

  test("references that the owner's store has lost are made again", async () => {
    world.start({ pipeline: world.using() });
    await world.publishOwner({ x: 2 });
    await world.releaseOwner(1);
    await isLinked(1);
    await world.ads.retention.release("demo/u ads/u@1");
    await world.until(async () => (await world.ads.retention.state()).references.length === 1);
  });

  test("a serial that the owner has given to another snapshot since its store was restored is linked again", async () => {
    const original = await world.publishOwner({ x: 2 });
    const origin = { pipeline: "ads", component: "u", serial: 1 };
    const before = draft({ component: "u", contract: specs.u, provenance: { origin } });
    await world.backplane.registry.link(before, { ...original, digest: "0".repeat(64) }, null);
    await world.releaseOwner(1);
    world.start({ pipeline: world.using() });
    await isLinked(1, 1);
    expect((await world.backplane.registry.latest("u"))?.digest).toBe(original.digest);
    await world.clock.advance(60_000);
    expect(await world.linked()).toEqual([1, 1]);
  });

  test("of two evaluators, one links", async () => {
    for (const name of ["e1", "e2"]) world.start({ pipeline: world.using(), name });
    for (const serial of [1, 2, 3]) {
      await world.publishOwner({ x: serial });
      await world.releaseOwner(serial);
      await world.until(async () => (await world.linked()).at(-1) === serial);
    }
    expect(await world.linked()).toEqual([1, 2, 3]);
  });

  test("an owner that the store does not have yet is waited for", async () => {
    const { records } = world.start({
      pipeline: {
        ...world.using(),
        components: world
          .using()
          .components.map((one) =>
            one.from === undefined ? one : { ...one, from: { pipeline: "later", component: "u" } },
          ),
      },
    });
    await world.until(async () => warnings(records).length > 0);
    expect(warnings(records)).toEqual(['the store has no pipeline "later"']);
  });
});
