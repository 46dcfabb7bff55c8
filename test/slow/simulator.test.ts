import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";
import { runSimulation } from "../../services/simulator/jobs/run-simulation.ts";
import { simulationResults } from "../../services/simulator/measures/simulation-results.ts";
import type { Scenario } from "../../services/simulator/scenario/scenario.ts";
import { parseScenarioFile } from "../../services/simulator/scenario/scenario-file.ts";
import { scenarioOf } from "../helpers/scenarios.ts";

const engine = createWasmEngine({ clock: systemClock });
const { signal } = new AbortController();

async function finalLosses(scenario: Scenario): Promise<Readonly<Record<string, readonly number[]>>> {
  const runs = await runSimulation({ scenario, jobs: 2, engine, signal });
  const finals = scenario.policies.map((name): [string, number[]] => [
    name,
    runs.filter(({ policy }) => policy === name).map(({ losses }) => losses.at(-1)?.loss ?? Number.NaN),
  ]);
  return Object.fromEntries(finals);
}

test("two teams: rejecting whatever degrades the pipeline today ends worst, and causal best", async () => {
  const file = "examples/organizations/two-teams.yaml";
  const parsed = parseScenarioFile(await readFile(file, "utf8"), file);
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  const { scenario } = parsed;
  const results = simulationResults(scenario, await runSimulation({ scenario, jobs: 2, engine, signal }), 0);
  const finals = results.policies.map(({ name, loss }) => [name, loss.final] as const).toSorted((a, b) => a[1] - b[1]);
  expect(finals.at(0)?.[0]).toBe("causal");
  expect(finals.at(-1)?.[0]).toBe("async-rejecting");
});

/** Every team trains once or twice on the initial models, and all are in use at the end. */
test.each(["chain", "diamond"])("%s: all causal and sync end below 2, and every async seed above 20", async (shape) => {
  const finals = await finalLosses(
    scenarioOf({
      scenario: shape,
      teams: shape === "chain" ? 3 : 4,
      edges: shape,
      cadence: { kind: "periodic", every: 3 },
      training: { hidden: [64], steps: 4000, rows: 10_000, held_out: 10_000, staleness: 4 },
      policies: ["sync", "async", "causal"],
      seeds: 5,
      ticks: 4,
    }),
  );
  for (const loss of [...(finals.causal ?? []), ...(finals.sync ?? [])]) expect(loss).toBeLessThan(2);
  for (const loss of finals.async ?? []) expect(loss).toBeGreaterThan(20);
});
