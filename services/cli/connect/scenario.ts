import { resolve } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { readTextFile } from "../../common/files/text-file.ts";
import { problemsError } from "../../pipeline/files/problem.ts";
import type { Scenario } from "../../simulator/scenario/scenario.ts";
import { parseScenarioFile, type ScenarioKeys } from "../../simulator/scenario/scenario-file.ts";

/**
 * Reads a scenario file.
 *
 * @param overrides keys that take the place of the file's
 * @throws UncoupleError `invalid-argument` with every problem, one per line
 */
export async function readScenario(name: string, cwd: string, overrides: ScenarioKeys): Promise<Scenario> {
  const file = await readTextFile(resolve(cwd, name));
  if ("refused" in file) throw new UncoupleError("invalid-argument", `${name}: ${file.refused}`);
  const parsed = parseScenarioFile(file.text, name, overrides);
  if ("problems" in parsed) throw problemsError(parsed.problems);
  return parsed.scenario;
}
