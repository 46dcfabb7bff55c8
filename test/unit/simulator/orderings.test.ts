import { expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import { runSimulation } from "../../../services/simulator/jobs/run-simulation.ts";
import { simulationResults } from "../../../services/simulator/measures/simulation-results.ts";
import { scenarioOf } from "../../helpers/scenarios.ts";

const engine = createWasmEngine({ clock: systemClock });
const { signal } = new AbortController();

test("two teams over five seeds: rejecting on today's loss ends worst, and causal best", async () => {
  const scenario = scenarioOf({
    scenario: "pair",
    teams: { m1: { every: 4 }, m2: { every: 2 } },
    edges: { m2: ["m1"] },
    truth: { root_width: 6, coupling: 3, noise: 0.3 },
    training: { hidden: [32], steps: 600, rows: 2000, held_out: 1000 },
    policies: ["async", "async-rejecting", "causal"],
    seeds: 5,
    ticks: 12,
  });
  const { policies } = simulationResults(scenario, await runSimulation({ scenario, jobs: 1, engine, signal }), 0);
  const finals = policies.toSorted((a, b) => a.loss.final - b.loss.final).map(({ name }) => name);
  expect(finals).toEqual(["causal", "async", "async-rejecting"]);
}, 120_000);

test.each(["chain", "diamond"])(
  "%s: all causal ends below 2, and async above 20, trained on the initial models",
  async (shape) => {
    const scenario = scenarioOf({
      scenario: shape,
      teams: shape === "chain" ? 3 : 4,
      edges: shape,
      cadence: { kind: "periodic", every: 3 },
      training: { hidden: [64], steps: 2500, rows: 6000, held_out: 1000, staleness: 4 },
      policies: ["async", "causal"],
      ticks: 4,
    });
    const runs = await runSimulation({ scenario, jobs: 1, engine, signal });
    const [async, causal] = runs.map(({ losses }) => losses.at(-1)?.loss ?? Number.NaN);
    expect(causal).toBeLessThan(2);
    expect(async).toBeGreaterThan(20);
  },
  120_000,
);
