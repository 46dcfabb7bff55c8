import { beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import { openSeedWorld, type SeedWorld } from "../../../services/simulator/run/seed-world.ts";
import { drawEvents } from "../../../services/simulator/world/events.ts";
import { smallScenario } from "../../helpers/scenarios.ts";
import { expectConserved, expectLossesOfSnapshots, type Simulated, simulate } from "../../helpers/simulated.ts";

const policies = ["sync", "async", "gated-cotrain", "proximal", "causal"];
const AT = 2.6;
const SEED = 2;
/** Trainings and release trains are under way when the middle of a diamond is split, and when its second half is. */
const keys = {
  cadence: { kind: "periodic", every: 1 },
  training: { duration: 0.6, staleness: 0.5 },
  ticks: 11,
  events: {
    upgrade: 0.2,
    scripted: [
      { tick: AT, team: "m2", kind: "split", into: ["left", "right"] },
      { tick: 5.5, team: "right", kind: "split", into: ["near", "far"] },
    ],
  },
};
const scenario = smallScenario(keys);
const simulated = new Map<string, Simulated>();
let world: SeedWorld;

beforeAll(async () => {
  world = await openSeedWorld(scenario, SEED, createWasmEngine({ clock: systemClock }), new AbortController().signal);
  for (const name of policies) simulated.set(name, await simulate(world, name));
}, 120_000);

const of = (name: string) => simulated.get(name) as Simulated;

describe.each(policies)("%s", (name) => {
  test("gives every snapshot one fate, and every deployment one verdict", () => {
    expectConserved(of(name));
  });

  test("has the losses that its snapshots have, before and after", async () => {
    await expectLossesOfSnapshots(of(name));
  });

  test("both new teams begin with a first snapshot that nothing is compared with, in use at once", () => {
    const { run } = of(name);
    const first = run.snapshots.filter(({ cause }) => cause === "split");
    expect(first.map(({ component, serial, readyAt }) => [component, serial, readyAt])).toEqual([
      ["left", 1, AT],
      ["right", 1, AT],
      ["near", 1, 5.5],
      ["far", 1, 5.5],
    ]);
    for (const { fate, verdict } of first) {
      expect(fate).toBe("deployed");
      expect(verdict).toMatchObject({ kind: "inconclusive", difference: null });
    }
    expect(first[1]?.pins).toEqual({ left: 1 });
    expect(run.losses).toContainEqual(expect.objectContaining({ at: AT, moves: { left: 1, right: 1 } }));
  });

  test("what the old team has not in use by then is never used", () => {
    const { run } = of(name);
    const own = run.snapshots.filter(({ component }) => component === "m2");
    // The release train that m2 was on arrives without it.
    expect(own.length > 0).toBe(name !== "sync");
    for (const { fate, settledAt } of own) {
      expect(fate).not.toBe("held");
      if (fate === "deployed") expect(settledAt).toBeLessThanOrEqual(AT);
    }
    for (const { team, at, waited } of run.wishes) if (team === "m2") expect(at + waited).toBeLessThanOrEqual(AT);
    const ended = run.gaps.map(({ upstream, downstream }) => `${upstream} ${downstream}`);
    if (ended.length > 0)
      expect(ended.toSorted()).toEqual(["far m4", "left near", "m1 left", "m1 m3", "m3 m4", "near far"]);
  });

  test("the new teams go on by themselves, with the wishes of every other policy", () => {
    const { run } = of(name);
    expect(run.wishes.map(({ team, at }) => [team, at])).toEqual(
      of("async").run.wishes.map(({ team, at }) => [team, at]),
    );
    for (const team of ["near", "far"]) {
      expect(run.snapshots.some(({ component, cause }) => component === team && cause === "wish")).toBe(true);
    }
  });
});

test("a training that was under way when its team was split is superseded without a verdict", () => {
  const late = of("async").run.snapshots.filter(({ component, readyAt }) => component === "m2" && readyAt > AT);
  expect(late.length).toBeGreaterThan(0);
  for (const snapshot of late) expect(snapshot).toMatchObject({ fate: "superseded", verdict: null });
});

test("the same again gives the same, bit for bit, in whatever order policies run", async () => {
  const again = await openSeedWorld(
    scenario,
    2,
    createWasmEngine({ clock: systemClock }),
    new AbortController().signal,
  );
  for (const name of ["causal", "gated-cotrain", "sync"]) {
    expect(JSON.stringify((await simulate(again, name)).run)).toBe(JSON.stringify(of(name).run));
  }
});

test("other teams have the events that they have without the split", () => {
  const { scripted: _, ...events } = keys.events;
  const without = drawEvents(smallScenario({ ...keys, events }), SEED);
  const others = ({ team }: { readonly team: string }) => ["m1", "m3", "m4"].includes(team);
  expect(world.events.wishes.filter(others)).toEqual(without.wishes.filter(others));
  expect(world.events.outages.filter(others)).toEqual(without.outages.filter(others));
  const before = ({ team, at }: { readonly team: string; readonly at: number }) => team === "m2" && at < AT;
  expect(world.events.wishes.filter(({ team }) => team === "m2")).toEqual(without.wishes.filter(before));
  const change = world.events.changes.findLast(({ team }) => team === "m2");
  expect(world.events.splits[0]?.first[0]?.hidden).toEqual(change?.hidden ?? [8]);
});
