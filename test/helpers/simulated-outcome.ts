import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";
import { runSimulation } from "../../services/simulator/jobs/run-simulation.ts";
import { simulationResults } from "../../services/simulator/measures/simulation-results.ts";
import type { SimulationOutcome } from "../../services/simulator/report/simulation-outcome.ts";
import type { Scenario } from "../../services/simulator/scenario/scenario.ts";
import { changedAssumptions } from "../../services/simulator/sensitivity/assumptions.ts";
import { sensitivityRow } from "../../services/simulator/sensitivity/sensitivity.ts";
import { smallScenario } from "./scenarios.ts";

/** A scenario with all kinds of events, and two policies that take milliseconds. */
export function eventfulScenario(): Scenario {
  return smallScenario({
    policies: ["async", "async-rejecting"],
    seeds: 2,
    ticks: 5,
    events: { upgrade: 0.1, downgrade: 0.1, bad_release: 0.2, outage: 0.1, outage_ticks: 0.5 },
  });
}

/** Simulates a scenario, and once more with its first changed assumption. */
export async function simulatedOutcome(scenario: Scenario): Promise<SimulationOutcome> {
  const engine = createWasmEngine({ clock: systemClock });
  const { signal } = new AbortController();
  const simulate = async (one: Scenario) => {
    const runs = await runSimulation({ scenario: one, jobs: 1, engine, signal });
    return { results: simulationResults(one, runs, 1), runs };
  };
  const base = await simulate(scenario);
  const [change] = changedAssumptions(scenario);
  if (change === undefined) return base;
  const { results } = await simulate(change.scenario);
  return { ...base, sensitivity: [sensitivityRow(base.results, change, results)] };
}
