import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { protocolCatalogue, protocols } from "../learning/protocols/all.ts";
import { UncoupleError } from "../pipeline/errors.ts";
import { type ParsedPipeline, parsePipelineFile } from "../pipeline/pipeline-file.ts";
import { formatProblem, type Problem } from "../pipeline/problem.ts";
import { checkTeamAgainstPipeline, type ParsedTeam, parseTeamFile } from "../pipeline/team-file.ts";

export interface TrainerFiles {
  readonly pipeline: ParsedPipeline;
  readonly team: ParsedTeam;
}

/** @throws UncoupleError `not-found`; `invalid-argument` with every problem of both files, one a line */
export async function readTrainerFiles(pipelineFile: string, teamFile: string): Promise<TrainerFiles> {
  const pipeline = parsePipelineFile(await readText("pipeline file", pipelineFile), pipelineFile);
  // Absolute, because a model's module is found from it, and imported.
  const team = parseTeamFile(await readText("team file", teamFile), resolve(teamFile), protocolCatalogue);
  const problems = [...("problems" in pipeline ? pipeline.problems : []), ...("problems" in team ? team.problems : [])];
  if ("problems" in pipeline || "problems" in team) throw problemsError(problems);
  const requiringUpstream = new Set(protocols.filter((p) => p.requiresUpstream).map(({ name }) => name));
  const mismatches = checkTeamAgainstPipeline(team, pipeline.pipeline, requiringUpstream);
  if (mismatches.length > 0) throw problemsError(mismatches);
  return { pipeline, team };
}

export function problemsError(problems: readonly Problem[]): UncoupleError {
  return new UncoupleError("invalid-argument", problems.map(formatProblem).join("\n"));
}

async function readText(what: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new UncoupleError("not-found", `${what} ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
