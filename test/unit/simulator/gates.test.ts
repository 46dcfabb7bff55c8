import { beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import { openSeedWorld, type SeedWorld } from "../../../services/simulator/run/seed-world.ts";
import { smallScenario } from "../../helpers/scenarios.ts";
import { expectConserved, expectLossesOfSnapshots, type Simulated, simulate } from "../../helpers/simulated.ts";

/** Strongly coupled, so that a better first model alone degrades the pipeline; the gate has rows enough to see it. */
const scenario = smallScenario({
  teams: 2,
  edges: "chain",
  truth: { root_width: 6, coupling: 3 },
  cadence: { kind: "periodic", every: 2 },
  training: { hidden: [32], steps: 400, rows: 2000, held_out: 6000 },
  ticks: 5,
});
const policies = ["gated", "gated-sets", "gated-cotrain", "gated-audited"];
const simulated = new Map<string, Simulated>();
let world: SeedWorld;

beforeAll(async () => {
  const engine = createWasmEngine({ clock: systemClock });
  world = await openSeedWorld(scenario, 4, engine, new AbortController().signal);
  for (const name of policies) simulated.set(name, await simulate(world, name));
}, 120_000);

const of = (name: string) => simulated.get(name) as Simulated;
const finalLoss = (name: string) => of(name).run.losses.at(-1)?.loss ?? Number.NaN;

describe.each(policies)("%s", (name) => {
  test("gives every snapshot one fate, and every deployment one verdict", () => {
    expectConserved(of(name));
  });

  test("has the losses that its snapshots have", async () => {
    await expectLossesOfSnapshots(of(name));
  });
});

test("a gate has the keys of its scenario: a component that a person promotes stays as it is", async () => {
  const movesOf = ({ run }: Simulated) => run.losses.flatMap(({ moves }) => Object.keys(moves));
  expect(movesOf(of("gated"))).toContain("m2");
  const gate = { ...scenario.gate, hold: ["m2"] };
  const held = await simulate({ ...world, scenario: { ...scenario, gate } }, "gated");
  expect(movesOf(held)).not.toContain("m2");
  for (const { component, fate } of held.run.snapshots) if (component === "m2") expect(fate).not.toBe("deployed");
});

test("a consumer retrained on a candidate opens what a gate alone keeps closed", () => {
  const { run } = of("gated-cotrain");
  const together = run.losses.filter(({ moves }) => Object.keys(moves).length === 2);
  expect(together.length).toBeGreaterThan(0);
  expect(run.snapshots.some(({ cause, fate }) => cause === "candidate" && fate === "deployed")).toBe(true);
  expect(finalLoss("gated-cotrain")).toBeLessThan(0.6 * finalLoss("gated"));
});
