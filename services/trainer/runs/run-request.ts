import { join, relative } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { protocolCatalog, requiringUpstream } from "../../learning/protocols/all.ts";
import { checkProtocol } from "../../pipeline/files/check-protocol.ts";
import { type Problem, problemsError } from "../../pipeline/files/problem.ts";
import { checkTeamAgainstPipeline, type ParsedTeam, parseTeamFile } from "../../pipeline/files/team-file.ts";
import { createReporter, type FileMap } from "../../pipeline/files/yaml-file.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { StartRun } from "../../rpc/services/trainer-service.ts";

/** Far above what a team has to say; parsing more would hold up everybody else. */
const MAX_TEAM_FILE_BYTES = 256 * 1024;
/** By which problems know a team file that came with a request. */
const REQUEST_FILE = "team file of the request";
const requestMap: FileMap = { file: "request", line: () => 1 };

/**
 * What a requested run does: the trainer's own team file, or that of the request, with the protocol of the request.
 * @param folder which the path of a model's module is relative to, and must be in
 * @throws UncoupleError `invalid-argument` with every problem, one a line
 */
export function teamOfRequest(request: StartRun, own: TeamConfig, pipeline: Pipeline, folder: string): TeamConfig {
  const parsed = request.teamFile === undefined ? undefined : parsedTeam(request.teamFile, own, pipeline, folder);
  const team = parsed?.team ?? own;
  if (request.protocol === undefined) return team;
  const reporter = createReporter(requestMap);
  const protocol = checkProtocol(request.protocol, protocolCatalog, ["protocol"], reporter);
  if (protocol === undefined) throw problemsError(withoutPlace(reporter.problems));
  const chosen = { ...team, protocol };
  const problems = checkTeamAgainstPipeline({ team: chosen, map: requestMap }, pipeline, requiringUpstream);
  // When a team trains by itself is not what a request is about.
  const about = problems.filter(({ path }) => path === "protocol");
  if (about.length > 0) throw problemsError(withoutPlace(about));
  return chosen;
}

function parsedTeam(text: string, own: TeamConfig, pipeline: Pipeline, folder: string): ParsedTeam {
  const size = Buffer.byteLength(text);
  if (size > MAX_TEAM_FILE_BYTES) {
    throw new UncoupleError(
      "invalid-argument",
      `the ${REQUEST_FILE} has ${size} bytes; at most ${MAX_TEAM_FILE_BYTES} are taken`,
    );
  }
  const parsed = parseTeamFile(text, join(folder, REQUEST_FILE), protocolCatalog);
  if ("problems" in parsed) throw problemsError(parsed.problems.map(named));
  const { team } = parsed;
  const problems = checkTeamAgainstPipeline(parsed, pipeline, requiringUpstream);
  if (problems.length > 0) throw problemsError(problems.map(named));
  if (team.component !== own.component) {
    throw new UncoupleError(
      "invalid-argument",
      `${REQUEST_FILE}: component: this is the trainer of ${own.component}, and the file is of ${team.component}`,
    );
  }
  // Whoever may ask for a run must not choose among all the code on this machine.
  if (team.model.kind === "module" && /^(\.\.([/\\]|$)|[/\\]|[A-Za-z]:)/.test(relative(folder, team.model.path))) {
    throw new UncoupleError(
      "invalid-argument",
      `${REQUEST_FILE}: model.module: ${team.model.path} is outside of the folder of the trainer's own team file`,
    );
  }
  return parsed;
}

const named = (problem: Problem): Problem => ({ ...problem, file: REQUEST_FILE });

const withoutPlace = (problems: readonly Problem[]): readonly Problem[] =>
  problems.map(({ path, message }) => ({ file: requestMap.file, path, message }));
