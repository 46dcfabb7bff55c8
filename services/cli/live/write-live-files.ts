import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../../common/files/write-whole.ts";
import { writeParquet } from "../../data/file/write-parquet.ts";
import type { NumericColumn } from "../../data/table/table.ts";
import { pipelineFileText, teamFileText } from "../../simulator/live/live-files.ts";
import type { LivePolicy } from "../../simulator/live/live-policy.ts";
import type { Scenario } from "../../simulator/scenario/scenario.ts";
import { scenarioPipeline } from "../../simulator/scenario/scenario-pipeline.ts";
import { stagesOf } from "../../simulator/scenario/stages.ts";
import { drawTruth } from "../../simulator/truth/truth.ts";
import { firstModels } from "../../simulator/world/first-models.ts";
import { readStackFiles, type StackFiles } from "../connect/configuration.ts";

/** What a live simulation leaves in the folder of its stack, besides what every stack does. */
export const LIVE_FILES = ["pipeline.yaml", "teams", "rows.parquet"] as const;

/**
 * Writes the scenario as the services read it: its rows, the pipeline file, and a team file for each trainer.
 * @throws UncoupleError as `readStackFiles`, if the services cannot run the scenario
 */
export async function writeLiveFiles(
  dir: string,
  scenario: Scenario,
  seed: number,
  policy: LivePolicy,
): Promise<StackFiles> {
  const [pipelineName, teams, rows] = LIVE_FILES;
  const pipeline = scenarioPipeline(scenario, stagesOf(scenario)[0], seed);
  // One table with all rows, of which the services hold out the scenario's number by hash.
  const { training } = scenario;
  const count = training.rows + training.heldOut;
  const whole = { ...scenario, training: { ...training, rows: count, growth: 0 } };
  const { columns } = drawTruth(whole, seed).rowsOf(0).training;
  await writeParquet(join(dir, rows), count, columns as Readonly<Record<string, NumericColumn>>);
  const pipelineFile = join(dir, pipelineName);
  await writeWhole(pipelineFile, pipelineFile, pipelineFileText(pipeline, scenario, policy, rows), true);
  await mkdir(join(dir, teams), { recursive: true });
  const files: string[] = [];
  for (const first of firstModels(scenario, seed)) {
    const { protocol } = policy.training(first.reads.length > 0);
    const file = join(dir, teams, `${first.team}.yaml`);
    await writeWhole(file, file, teamFileText(first, policy, protocol), true);
    files.push(file);
  }
  return readStackFiles([pipelineFile, ...files], dir);
}
