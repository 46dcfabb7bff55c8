import { resolve } from "node:path";
import { requireTextFile } from "../common/files/text-file.ts";
import { checkTeamModule } from "../data/check-pipeline.ts";
import { readPipelineFile } from "../data/read-pipeline.ts";
import type { ColumnSchema } from "../data/table/table.ts";
import { protocolCatalog, requiringUpstream } from "../learning/protocols/all.ts";
import type { ParsedPipeline } from "../pipeline/files/pipeline-file.ts";
import { type Problem, problemsError } from "../pipeline/files/problem.ts";
import { checkTeamAgainstPipeline, type ParsedTeam, parseTeamFile } from "../pipeline/files/team-file.ts";

export interface TrainerFiles {
  readonly pipeline: ParsedPipeline;
  /** In the order of the files; each of another component. */
  readonly teams: readonly TeamFile[];
}

export interface TeamFile extends ParsedTeam {
  /** Absolute path. */
  readonly path: string;
  readonly text: string;
}

/**
 * Reads and checks a trainer's pipeline file and its team files.
 * @throws UncoupleError `not-found`; `invalid-argument` with every problem of all files, one per line
 */
export async function readTrainerFiles(pipelineFile: string, teamFiles: readonly string[]): Promise<TrainerFiles> {
  const pipeline = await readPipelineFile(pipelineFile);
  const problems: Problem[] = "problems" in pipeline ? [...pipeline.problems] : [];
  const teams: TeamFile[] = [];
  for (const file of teamFiles) {
    // Absolute, because the path of the model module is resolved against it and imported.
    const path = resolve(file);
    const text = await requireTextFile("team file", file);
    const team = parseTeamFile(text, path, protocolCatalog);
    if ("problems" in team) problems.push(...team.problems);
    else teams.push({ ...team, path, text });
  }
  if ("problems" in pipeline || problems.length > 0) throw problemsError(problems);
  for (const [index, team] of teams.entries()) {
    problems.push(...checkTeamAgainstPipeline(team, pipeline.pipeline, requiringUpstream));
    problems.push(...(await checkTeamModule(team)));
    const { component } = team.team;
    const first = teams.findIndex((other) => other.team.component === component);
    if (first === index) continue;
    const message = `${component} already has the team file ${teams[first]?.path}`;
    problems.push({ file: team.map.file, line: team.map.line(["component"]), path: "component", message });
  }
  if (problems.length > 0) throw problemsError(problems);
  return { pipeline, teams };
}

/**
 * Checks the tests of team files against the columns of the data.
 * @param schemaOf the columns that the trainer of a component reads
 * @throws UncoupleError `invalid-argument` with every problem, one per line
 */
export function checkTests(
  { pipeline, teams }: TrainerFiles,
  schemaOf: (component: string) => readonly ColumnSchema[] | undefined,
): void {
  const problems = teams.flatMap((team) =>
    checkTeamAgainstPipeline(team, pipeline.pipeline, requiringUpstream, schemaOf(team.team.component)),
  );
  if (problems.length > 0) throw problemsError(problems);
}
