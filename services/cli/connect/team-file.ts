import { UncoupleError } from "../../common/errors.ts";
import { problemsError } from "../../pipeline/files/problem.ts";
import type { CliContext } from "../context/context.ts";
import { dataAccess } from "../flags/data-flags.ts";
import { noteDeprecations, type Output } from "../terminal/output.ts";
import { readConfiguration } from "./configuration.ts";

/** Reads a team file for this component, with all checks that are possible without the trainer. */
export async function readTeamFile(
  file: string,
  component: string,
  output: Output,
  context: CliContext,
): Promise<string> {
  const { teams, pipelines, problems, deprecations } = await readConfiguration(
    [file],
    context.cwd,
    dataAccess(context),
  );
  const [team] = teams;
  if (problems.length > 0) throw problemsError(problems);
  noteDeprecations(output, deprecations);
  if (team === undefined || pipelines.length > 0)
    throw new UncoupleError("invalid-argument", `${file} is not a team file`);
  if (team.team.component === component) return team.text;
  throw new UncoupleError("invalid-argument", `${file} is for component ${team.team.component}, not ${component}`);
}
