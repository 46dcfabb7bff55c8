import { UncoupleError } from "../../services/common/errors.ts";
import type { Scenario } from "../../services/simulator/scenario/scenario.ts";
import { parseScenarioFile, type ScenarioKeys } from "../../services/simulator/scenario/scenario-file.ts";

/** A scenario of small sizes, in which a training takes milliseconds. @param keys as in a scenario file */
export function smallScenario(keys: ScenarioKeys = {}): Scenario {
  const { training, ...others } = keys;
  return scenarioOf({
    scenario: "small",
    teams: 4,
    edges: "diamond",
    truth: { width: 4, root_width: 4, columns: 2, root_columns: 3, outputs: 2 },
    cadence: { every: 2 },
    training: { hidden: [8], steps: 60, rows: 300, held_out: 200, ...(training as object) },
    ticks: 6,
    ...others,
  });
}

/** @param keys as in a scenario file */
export function scenarioOf(keys: ScenarioKeys): Scenario {
  const parsed = parseScenarioFile(JSON.stringify(keys), "scenario.yaml");
  if ("scenario" in parsed) return parsed.scenario;
  throw new UncoupleError("invalid-argument", JSON.stringify(parsed.problems));
}
