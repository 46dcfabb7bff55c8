import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import { runSimulation } from "../../../services/simulator/jobs/run-simulation.ts";
import { simulationResults } from "../../../services/simulator/measures/simulation-results.ts";
import type { Scenario } from "../../../services/simulator/scenario/scenario.ts";
import { parseScenarioFile } from "../../../services/simulator/scenario/scenario-file.ts";
import { scenarioText } from "../../../services/simulator/scenario/scenario-text.ts";

const root = join(import.meta.dirname, "../../..");
const folder = join(root, "examples/organizations");
const names = (await readdir(folder)).filter((name) => name.endsWith(".yaml"));

function parsed(text: string, file: string): Scenario {
  const found = parseScenarioFile(text, file);
  if ("problems" in found) throw new Error(JSON.stringify(found.problems));
  return found.scenario;
}

test.each(names)("%s is valid, is named like its file, and has a section with a picture", async (name) => {
  const scenario = parsed(await readFile(join(folder, name), "utf8"), name);
  expect(`${scenario.name}.yaml`).toBe(name);
  const page = await readFile(join(root, "docs/organizations.md"), "utf8");
  expect(page).toContain(`uncouple simulate examples/organizations/${name}`);
  expect(page).toContain(`(organizations/${scenario.name}.png)`);
});

test.each(names)("%s reads the same after it was written out", async (name) => {
  const scenario = parsed(await readFile(join(folder, name), "utf8"), name);
  expect(parsed(scenarioText(scenario), "scenario.yaml")).toEqual(scenario);
});

test("the two teams can be simulated at small sizes, under all of their policies", async () => {
  const scenario = parsed(await readFile(join(folder, "two-teams.yaml"), "utf8"), "two-teams.yaml");
  const small: Scenario = {
    ...scenario,
    training: { ...scenario.training, hidden: [8], steps: 50, rows: 300, heldOut: 200 },
    seeds: [1],
    ticks: 6,
  };
  const runs = await runSimulation({
    scenario: small,
    jobs: 1,
    engine: createWasmEngine({ clock: systemClock }),
    signal: new AbortController().signal,
  });
  const { policies } = simulationResults(small, runs, 0);
  expect(policies.map(({ name }) => name)).toEqual(["sync", "async", "async-rejecting", "causal"]);
  for (const { deployments, loss } of policies) {
    expect(deployments).toBeGreaterThan(0);
    expect(loss.series).toHaveLength(7);
  }
});
