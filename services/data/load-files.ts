import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { asUncoupleError, UncoupleError } from "../pipeline/errors.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { type ParsedPipeline, parsePipelineFile } from "../pipeline/pipeline-file.ts";
import { formatProblem, type Problem } from "../pipeline/problem.ts";
import type { ProtocolRules } from "../pipeline/protocol-catalogue.ts";
import { checkPipelineAgainstSchema } from "../pipeline/schema-checks.ts";
import type { TeamConfig } from "../pipeline/team.ts";
import { checkTeamAgainstPipeline, type ParsedTeam, parseTeamFile } from "../pipeline/team-file.ts";
import { createReporter } from "../pipeline/yaml-file.ts";
import { openDataSource } from "./open-data-source.ts";

/** Pipeline and team files are written by hand. */
const MOST_BYTES = 1_048_576;

/**
 * The pipeline of a file, checked against its data.
 * @throws UncoupleError `invalid-argument` with all problems, a line each
 */
export async function loadPipeline(path: string): Promise<Pipeline> {
  const parsed = parsePipelineFile(await readText(path), path);
  if ("problems" in parsed) throw asError(path, parsed.problems);
  const problems = await checkPipelineAgainstData(parsed, path);
  if (problems.length > 0) throw asError(path, problems);
  return parsed.pipeline;
}

/**
 * The team of a file, checked against its pipeline.
 * @throws UncoupleError `invalid-argument` with all problems, a line each
 */
export async function loadTeam(path: string, pipeline: Pipeline, rules?: ProtocolRules): Promise<TeamConfig> {
  const parsed = parseTeamFile(await readText(path), path, rules?.catalogue);
  if ("problems" in parsed) throw asError(path, parsed.problems);
  const problems = [...checkTeam(parsed, pipeline, rules), ...(await checkTeamModule(parsed))];
  if (problems.length > 0) throw asError(path, problems);
  return parsed.team;
}

function checkTeam(parsed: ParsedTeam, pipeline: Pipeline, rules: ProtocolRules | undefined): readonly Problem[] {
  return checkTeamAgainstPipeline(parsed, pipeline, rules?.requiringUpstream ?? new Set());
}

/**
 * What does not fit between a pipeline and its data, also that the data cannot be opened.
 * @param path of the pipeline file, which the data's path is relative to
 */
export async function checkPipelineAgainstData(parsed: ParsedPipeline, path: string): Promise<readonly Problem[]> {
  try {
    const source = await openDataSource(parsed.pipeline.data, dirname(resolve(path)));
    try {
      return checkPipelineAgainstSchema(parsed, await source.schema());
    } finally {
      await source.close();
    }
  } catch (thrown) {
    const error = asUncoupleError(thrown);
    if (error.code === "internal") throw error;
    // A message that begins with a key is about that key.
    const [, key = "data", message = error.message] = /^(data\.\w+): (.*)$/s.exec(error.message) ?? [];
    const reporter = createReporter(parsed.map);
    reporter.report(key.split("."), message);
    return reporter.problems;
  }
}

/** Whether the module that a team file may name is there. */
export async function checkTeamModule({ team, map }: ParsedTeam): Promise<readonly Problem[]> {
  if (team.model.kind !== "module") return [];
  const { path } = team.model;
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return [];
  const place = ["model", "module"];
  return [{ file: map.file, line: map.line(place), path: place.join("."), message: `there is no file ${path}` }];
}

async function readText(path: string): Promise<string> {
  const refuse = (message: string) => new UncoupleError("invalid-argument", `${path}: ${message}`);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") throw refuse("there is no such file");
    throw refuse(`cannot be read (${error.code ?? error.message})`);
  });
  if (found.isDirectory()) throw refuse("is a folder, not a file");
  if (found.size > MOST_BYTES) throw refuse(`is larger than ${MOST_BYTES} bytes, which no pipeline or team file is`);
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw refuse(`cannot be read (${error.code ?? error.message})`);
  });
}

function asError(path: string, problems: readonly Problem[]): UncoupleError {
  if (problems.length === 1) return new UncoupleError("invalid-argument", formatProblem(problems[0] as Problem));
  const lines = problems.map((problem) => `  ${formatProblem(problem)}`);
  return new UncoupleError("invalid-argument", `${path} has ${problems.length} problems:\n${lines.join("\n")}`);
}
