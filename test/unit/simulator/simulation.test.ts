import { beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import { simulationResults } from "../../../services/simulator/measures/simulation-results.ts";
import type { PolicyRun } from "../../../services/simulator/records/policy-run.ts";
import { openSeedWorld, type SeedWorld } from "../../../services/simulator/run/seed-world.ts";
import { smallScenario } from "../../helpers/scenarios.ts";
import { expectConserved, expectLossesOfSnapshots, type Simulated, simulate } from "../../helpers/simulated.ts";

const policies = [
  "sync",
  "async",
  "async-rejecting",
  "proximal",
  "causal",
  "causal-proximal",
  "blend:0.5",
  "mixed:0.5",
];
const scenario = smallScenario({
  policies,
  events: {
    bad_release: 0.2,
    outage: 0.1,
    outage_ticks: 0.5,
    scripted: [
      { tick: 1, team: "m4", kind: "upgrade" },
      { tick: 2, team: "m1", kind: "downgrade" },
    ],
  },
});
const engine = createWasmEngine({ clock: systemClock });
const { signal } = new AbortController();
const simulated = new Map<string, Simulated>();
let world: SeedWorld;

beforeAll(async () => {
  world = await openSeedWorld(scenario, 1, engine, signal);
  for (const name of policies) simulated.set(name, await simulate(world, name));
}, 120_000);

const of = (name: string) => simulated.get(name) as Simulated;

describe.each(policies)("%s", (name) => {
  test("has the wishes of every other policy", () => {
    const wishes = (run: PolicyRun) => run.wishes.map(({ team, at }) => [team, at]);
    expect(wishes(of(name).run)).toEqual(wishes(of("async").run));
    expect(wishes(of(name).run)).toHaveLength(world.events.wishes.length);
  });

  test("gives every snapshot one fate, and every deployment one verdict", () => {
    expectConserved(of(name));
  });

  test("has the losses that its snapshots have", async () => {
    await expectLossesOfSnapshots(of(name));
  });
});

test("the same again gives the same, bit for bit, in whatever order policies run", async () => {
  const again = await openSeedWorld(scenario, 1, engine, signal);
  for (const name of ["causal", "mixed:0.5", "sync"]) {
    expect(JSON.stringify((await simulate(again, name)).run)).toBe(JSON.stringify(of(name).run));
  }
});

test("teams share what they train alike: without upstream, equal models under causal and async", () => {
  const roots = (name: string) =>
    of(name).run.snapshots.flatMap(({ component, digest }) => (component === "m1" ? [digest] : []));
  expect(roots("causal")).toEqual(roots("async"));
  expect(roots("async").length).toBeGreaterThan(1);
});

test("a release train retrains what is downstream, and moves it as one", () => {
  const { run } = of("sync");
  const forced = run.snapshots.filter(({ cause }) => cause === "forced");
  expect(forced.length).toBeGreaterThan(0);
  for (const { moves } of run.losses.slice(1))
    if ("m1" in moves) expect(Object.keys(moves)).toEqual(["m1", "m2", "m3", "m4"]);
});

test("rejecting keeps out what degrades the pipeline, and nothing else", () => {
  for (const { fate, verdict } of of("async-rejecting").run.snapshots) {
    const isWorse = verdict?.kind === "degraded" || verdict?.kind === "self-defeating";
    expect(fate).toBe(isWorse ? "rejected" : "deployed");
  }
});

test("results have every policy, compared in pairs, and events that no policy changes", () => {
  const runs = policies.map((name) => of(name).run);
  const results = simulationResults({ ...scenario, seeds: [1] }, runs, 0);
  expect(results.policies.map(({ name }) => name)).toEqual(policies);
  expect(results.comparisons).toHaveLength((policies.length * (policies.length - 1) * 6) / 2);
  expect(results.policies[0]?.loss.series).toHaveLength(scenario.ticks + 1);
  expect(new Set(results.events.map(({ kind }) => kind))).toEqual(
    new Set(["upgrade", "downgrade", "bad-release", "outage"]),
  );
  // The best loss of any policy has no regret.
  expect(Math.min(...results.policies.flatMap(({ loss }) => loss.series.map(([, value]) => value)))).toBeLessThan(
    results.policies[1]?.loss.mean ?? 0,
  );
});
