import { join, relative } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { protocolCatalog, requiringUpstream } from "../../learning/protocols/all.ts";
import { checkProtocol } from "../../pipeline/files/check-protocol.ts";
import { type Problem, problemsError } from "../../pipeline/files/problem.ts";
import { checkTeamAgainstPipeline, type ParsedTeam, parseTeamFile } from "../../pipeline/files/team-file.ts";
import { createReporter, type FileMap } from "../../pipeline/files/yaml-file.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { ModelSpec, TeamConfig } from "../../pipeline/team.ts";
import type { StartRun } from "../../rpc/services/trainer-service.ts";

/** Far larger than any real team file; parsing more would block other requests. */
const MAX_TEAM_FILE_BYTES = 256 * 1024;
/** Stands for the file name in problems of a team file in a request. */
const REQUEST_FILE = "team file of the request";
const requestMap: FileMap = { file: "request", line: () => 1 };

/**
 * The team configuration of a requested run: the request's team file, or else the trainer's own, with the request's
 * protocol if it names one.
 * @param folder module paths are relative to it. A request may name the trainer's own module and, if its team file has
 *   `remote_modules: true`, others inside the folder.
 * @throws UncoupleError `invalid-argument` with every problem, one per line
 */
export function teamOfRequest(request: StartRun, own: TeamConfig, pipeline: Pipeline, folder: string): TeamConfig {
  const parsed = request.teamFile === undefined ? undefined : requestedTeam(request.teamFile, own, pipeline, folder);
  const team = parsed?.team ?? own;
  if (request.protocol === undefined) return team;
  const reporter = createReporter(requestMap);
  const protocol = checkProtocol(request.protocol, protocolCatalog, ["protocol"], reporter);
  if (protocol === undefined) throw problemsError(withoutPlace(reporter.problems));
  const chosen = { ...team, protocol };
  const problems = checkTeamAgainstPipeline({ team: chosen, map: requestMap }, pipeline, requiringUpstream);
  // Problems of other settings, such as `train`, do not concern the request.
  const ofProtocol = problems.filter(({ path }) => path === "protocol");
  if (ofProtocol.length > 0) throw problemsError(withoutPlace(ofProtocol));
  return chosen;
}

/** Parses and checks the team file of a request. @throws UncoupleError as `teamOfRequest` */
export function requestedTeam(text: string, own: TeamConfig, pipeline: Pipeline, folder: string): ParsedTeam {
  const size = Buffer.byteLength(text);
  if (size > MAX_TEAM_FILE_BYTES) {
    throw new UncoupleError(
      "invalid-argument",
      `the ${REQUEST_FILE} has ${size} bytes; the limit is ${MAX_TEAM_FILE_BYTES}`,
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
      `${REQUEST_FILE}: component: this trainer trains ${own.component}, but the file is for ${team.component}`,
    );
  }
  checkModule(team.model, own, folder);
  return parsed;
}

/** Clients must not be able to choose the code that runs on this machine, unless the team lets them. */
export function checkModule(model: ModelSpec, own: TeamConfig, folder: string): void {
  if (model.kind !== "module") return;
  // The trainer runs its own module anyway.
  if (own.model.kind === "module" && own.model.path === model.path) return;
  let problem: string | undefined;
  if (own.remoteModules !== true) {
    problem = "requests cannot name a model module, unless the trainer's team file has remote_modules: true";
  } else if (/^(\.\.([/\\]|$)|[/\\]|[A-Za-z]:)/.test(relative(folder, model.path))) {
    problem = `${model.path} is outside the folder of the trainer's team file`;
  }
  if (problem === undefined) return;
  throw new UncoupleError("invalid-argument", `${REQUEST_FILE}: model.module: ${problem}`);
}

const named = (problem: Problem): Problem => ({ ...problem, file: REQUEST_FILE });

const withoutPlace = (problems: readonly Problem[]): readonly Problem[] =>
  problems.map(({ path, message }) => ({ file: requestMap.file, path, message }));
