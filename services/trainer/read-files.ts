import { resolve } from "node:path";
import { requireTextFile } from "../common/files/text-file.ts";
import { checkTeamModule } from "../data/check-pipeline.ts";
import { readPipelineFile } from "../data/read-pipeline.ts";
import { protocolCatalog, requiringUpstream } from "../learning/protocols/all.ts";
import type { ParsedPipeline } from "../pipeline/files/pipeline-file.ts";
import { problemsError } from "../pipeline/files/problem.ts";
import { checkTeamAgainstPipeline, type ParsedTeam, parseTeamFile } from "../pipeline/files/team-file.ts";

export interface TrainerFiles {
  readonly pipeline: ParsedPipeline;
  readonly team: ParsedTeam;
}

/**
 * Reads and checks a trainer's pipeline and team files.
 * @throws UncoupleError `not-found`; `invalid-argument` with every problem of both files, one per line
 */
export async function readTrainerFiles(pipelineFile: string, teamFile: string): Promise<TrainerFiles> {
  const pipeline = await readPipelineFile(pipelineFile);
  // Absolute, because the path of the model module is resolved against it and imported.
  const team = parseTeamFile(await requireTextFile("team file", teamFile), resolve(teamFile), protocolCatalog);
  const problems = [...("problems" in pipeline ? pipeline.problems : []), ...("problems" in team ? team.problems : [])];
  if ("problems" in pipeline || "problems" in team) throw problemsError(problems);
  const mismatches = [
    ...checkTeamAgainstPipeline(team, pipeline.pipeline, requiringUpstream),
    ...(await checkTeamModule(team)),
  ];
  if (mismatches.length > 0) throw problemsError(mismatches);
  return { pipeline, team };
}
