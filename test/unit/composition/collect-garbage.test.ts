import fc from "fast-check";
import { expect, test } from "vitest";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { asUncoupleError } from "../../../services/common/errors.ts";
import { collectGarbage, findGarbage } from "../../../services/composition/collect-garbage.ts";
import { createPipelineView } from "../../../services/composition/pipeline-view.ts";
import { snapshotName } from "../../../services/pipeline/manifest.ts";
import type { Backplane } from "../../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../../services/registry/memory/backplane.ts";
import { appendRelease } from "../../../services/releases/append-release.ts";
import { draft, model, quarantine, release, verdict } from "../../helpers/drafts.ts";
import { expectedToStay } from "../../helpers/expected-garbage.ts";

const DAY_MS = 24 * 3_600_000;
const never = new AbortController().signal;

/** A memory backplane with a view that follows it. */
function open() {
  const clock = createVirtualClock(Date.parse("2026-03-01T00:00:00Z"));
  const backplane = createMemoryBackplane("demo", { clock });
  const leaving = new AbortController();
  const view = createPipelineView({ backplane, clock, onError: (_, error) => expect.fail(error.message) });
  const following = view.follow(leaving.signal);
  const deps = (keep: number, champions: number) => ({
    ...{ pipeline: "demo", by: "test", backplane, view, clock },
    policy: { keep, champions },
  });
  return {
    clock,
    backplane,
    gc: (keep: number, champions = 0) => collectGarbage(deps(keep, champions), never),
    /** A collection with another view of the backplane. */
    gcWith: (change: Partial<Backplane>, keep: number) =>
      collectGarbage({ ...deps(keep, 0), backplane: { ...backplane, ...change } }, never),
    dryRun: (keep: number, champions = 0) => findGarbage(deps(keep, champions), never),
    async publish(component: string, upstream = {}) {
      return backplane.registry.publish(draft({ component, provenance: { upstream } }), model(1), "any");
    },
    async judge(component: string, serial: number) {
      await backplane.verdicts.append(verdict(component, serial));
    },
    /** Names of the snapshots whose models can be read; all others must be deleted by policy. */
    async readable() {
      const names: string[] = [];
      for (const manifest of await backplane.registry.list()) {
        const outcome = await backplane.registry.bytes(manifest).then(
          (bytes) => Buffer.compare(bytes, model(1)),
          (thrown: unknown) => asUncoupleError(thrown).code,
        );
        expect([0, "deleted"]).toContain(outcome);
        if (outcome === 0) names.push(snapshotName(manifest));
      }
      return names;
    },
    async close() {
      leaving.abort();
      await following;
      await backplane.close();
    },
  };
}
type World = ReturnType<typeof open>;

const COMPONENTS = ["u", "v", "w"] as const;
const component = fc.constantFrom(...COMPONENTS);
const pick = fc.nat(1000);
const rarely = fc.nat(3).map((one) => one === 0);
const often = fc.nat(4).map((one) => one !== 0);
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("publish" as const), component, pick, trains: rarely, judged: often }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom("judge" as const, "quarantine" as const), component, pick }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("alias" as const), component, pick, champion: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("promote" as const), component, pick, pins: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("unalias" as const, "rollback" as const), component }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pin" as const), component, pick, run: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("release" as const), component, run: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("gc" as const),
      keep: fc.integer({ min: 1, max: 3 }),
      champions: fc.nat(2),
    }),
  },
);
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

/** Carries out an action. Only what was deleted by policy may be refused. */
async function act(world: World, one: Action, pins: Map<string, string>): Promise<void> {
  const { backplane, publish, judge } = world;
  const { registry, quarantines, retention, ledger } = backplane;
  if (one.kind === "gc") return checkGc(world, one.keep, one.champions, [...pins.values()]);
  const serials = (await registry.list(one.component)).map(({ serial }) => serial);
  const serial = "pick" in one ? serials[one.pick % serials.length] : undefined;
  const holder = "run" in one ? `run-${one.run}` : "";
  try {
    switch (one.kind) {
      case "publish": {
        const others = (await registry.list()).filter((manifest) => manifest.component !== one.component);
        const trainedOn = one.trains ? others[one.pick % others.length] : undefined;
        const made = await publish(one.component, trainedOn && { [trainedOn.component]: trainedOn.serial });
        if (one.judged) await judge(one.component, made.serial);
        return;
      }
      case "judge":
        if (serial !== undefined) await judge(one.component, serial);
        return;
      case "quarantine":
        if (serial !== undefined && one.pick % 3 === 0) await quarantines.append(quarantine(one.component, serial));
        return;
      case "alias":
      case "unalias": {
        const alias = one.kind === "alias" && !one.champion ? "audited" : "champion";
        const now = (await registry.aliases(one.component))[alias] ?? null;
        if (one.kind === "unalias" || serial !== undefined) {
          await registry.setAlias(one.component, alias, serial ?? null, now, "test");
        }
        return;
      }
      case "promote": {
        if (serial === undefined) return;
        const before = (await ledger.release())?.value;
        const composition = { ...before?.composition, [one.component]: serial };
        const others = (before?.pinned ?? []).filter((name) => name !== one.component);
        const pinned = one.pins ? [...others, one.component] : others;
        const content = {
          ...release(1),
          composition,
          pinned,
          kind: one.pins ? ("pin" as const) : ("promote" as const),
        };
        await appendRelease(backplane, { ...content, previous: before }, "test");
        return;
      }
      case "rollback":
        await registry.rollback(one.component, "champion", "test");
        return;
      case "pin":
        if (serial === undefined) return;
        await retention.pin(holder, { [one.component]: serial });
        pins.set(holder, snapshotName({ component: one.component, serial }));
        return;
      case "release":
        await retention.release(holder);
        pins.delete(holder);
    }
  } catch (thrown) {
    const { code } = asUncoupleError(thrown);
    expect(["deleted", ...(one.kind === "rollback" ? ["failed-precondition"] : [])]).toContain(code);
    if (one.kind === "pin") pins.delete(holder);
  }
}

async function checkGc(world: World, keep: number, champions: number, pinned: readonly string[]): Promise<void> {
  const before = await world.readable();
  const expected = await expectedToStay(world.backplane, { keep, champions }, pinned);
  const would = await world.dryRun(keep, champions);
  expect(await world.readable()).toEqual(before);
  const { deleted, kept } = await world.gc(keep, champions);
  expect(deleted).toEqual(would.deleted);
  expect(kept).toBe(expected.size);
  expect(new Set(await world.readable())).toEqual(expected);
  expect(new Set(deleted.map(snapshotName))).toEqual(new Set(before.filter((name) => !expected.has(name))));
}

test("over any history, exactly what the rules do not keep is deleted", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 60 }), async (actions) => {
      const world = open();
      const pins = new Map<string, string>();
      for (const one of actions) await act(world, one, pins);
      await checkGc(world, 1, 0, [...pins.values()]);
      await world.close();
    }),
    { numRuns: 150, seed: 11 },
  );
});

test("a pin that nobody renews ends after seven days", async () => {
  const world = open();
  const { retention } = world.backplane;
  for (let serial = 1; serial <= 3; serial++) {
    await world.publish("u");
    await world.judge("u", serial);
  }
  await retention.pin("dead", { u: 1 });
  await retention.pin("alive", { u: 2 });
  await world.clock.advance(6 * DAY_MS);
  await retention.pin("alive", { u: 2 });
  await world.clock.advance(DAY_MS - 1);
  expect((await world.gc(1)).deleted).toEqual([]);
  await world.clock.advance(1);
  expect((await world.gc(1)).deleted).toMatchObject([{ component: "u", serial: 1, size: 64 }]);
  expect(await world.readable()).toEqual(["u@2", "u@3"]);
  await world.close();
});

test("two collections at a time are refused", async () => {
  const world = open();
  await world.publish("u");
  const [first, second] = await Promise.allSettled([world.gc(1), world.gc(1)]);
  expect([first.status, second.status]).toEqual(["fulfilled", "rejected"]);
  expect(second).toMatchObject({ reason: { code: "conflict" } });
  await world.close();
});

test("what is pinned after the decision stays, with everything that it was trained on", async () => {
  const world = open();
  for (let serial = 1; serial <= 3; serial++) {
    await world.publish("u");
    await world.publish("v", { u: serial });
    await world.publish("w", { v: serial });
    for (const name of COMPONENTS) await world.judge(name, serial);
  }
  const { retention } = world.backplane;
  const pinFirst: typeof retention.delete = async (tombstone, position) => {
    await retention.pin("run", { w: 2 });
    return retention.delete(tombstone, position);
  };
  const { deleted, kept } = await world.gcWith({ retention: { ...retention, delete: pinFirst } }, 1);
  expect(deleted.map(snapshotName)).toEqual(["w@1", "v@1", "u@1"]);
  expect(kept).toBe(6);
  expect(await world.readable()).toEqual(["u@2", "v@2", "w@2", "u@3", "v@3", "w@3"]);
  await world.close();
});

test("what is announced and judged while a collection decides is not deleted", async () => {
  const world = open();
  const { registry } = world.backplane;
  for (let serial = 1; serial <= 3; serial++) {
    await world.publish("u");
    await world.judge("u", serial);
  }
  let first = true;
  const manifest: typeof registry.manifest = async (component, serial) => {
    if (first) {
      first = false;
      for (let next = 4; next <= 6; next++) {
        await world.publish("u");
        await world.judge("u", next);
      }
      await world.clock.advance(1);
    }
    return registry.manifest(component, serial);
  };
  const { deleted } = await world.gcWith({ registry: { ...registry, manifest } }, 1);
  expect(deleted.map(snapshotName)).toEqual(["u@2", "u@1"]);
  await world.close();
});
