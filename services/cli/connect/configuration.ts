import { resolve } from "node:path";
import { isMap, isScalar, parseDocument } from "yaml";
import { UncoupleError } from "../../common/errors.ts";
import { readTextFile } from "../../common/files/text-file.ts";
import type { DataAccess } from "../../data/source/data-access.ts";
import { type ParsedPipeline, parsePipelineFile } from "../../pipeline/files/pipeline-file.ts";
import type { Problem } from "../../pipeline/files/problem.ts";
import { formatProblem } from "../../pipeline/files/problem.ts";
import { checkSharedBetween } from "../../pipeline/files/shared-checks.ts";
import { type ParsedTeam, parseTeamFile, type ReadableTeam } from "../../pipeline/files/team-file.ts";
import { readYaml, sortedProblems } from "../../pipeline/files/yaml-file.ts";
import type { Scenario } from "../../simulator/scenario/scenario.ts";

export interface PipelineSource extends ParsedPipeline {
  /** As given on the command line. */
  readonly name: string;
  /** Absolute path. */
  readonly path: string;
}

export interface TeamSource extends ParsedTeam {
  readonly name: string;
  readonly path: string;
  readonly text: string;
}

export interface ScenarioSource {
  readonly name: string;
  readonly scenario: Scenario;
}

/** The contents of pipeline, team and scenario files, and every problem in them. */
export interface Configuration {
  readonly pipelines: readonly PipelineSource[];
  readonly teams: readonly TeamSource[];
  readonly scenarios: readonly ScenarioSource[];
  readonly problems: readonly Problem[];
  /** Deprecated keys, which still work. */
  readonly deprecations: readonly Problem[];
}

/**
 * Reads pipeline, team and scenario files, which it distinguishes by their contents. Finds every problem in every file and in the
 * data of every pipeline and, given exactly one pipeline, every mismatch between it and the teams.
 * @param access what rows on other machines are read with; without it, only local files are
 */
export async function readConfiguration(
  files: readonly string[],
  cwd: string,
  access?: DataAccess,
): Promise<Configuration> {
  // Loaded lazily: they import tfjs and DuckDB, which other subcommands do not need.
  const { protocolCatalog, requiringUpstream } = await import("../../learning/protocols/all.ts");
  const { checkPipelineAgainstData, checkTeamAgainstData, checkTeamModule } = await import(
    "../../data/check-pipeline.ts"
  );
  const { parseScenarioFile } = await import("../../simulator/scenario/scenario-file.ts");
  const pipelines: PipelineSource[] = [];
  const teams: TeamSource[] = [];
  const scenarios: ScenarioSource[] = [];
  const ofTeams: { readonly name: string; readonly readable: ReadableTeam }[] = [];
  const problems: Problem[] = [];
  for (const name of new Set(files)) {
    const path = resolve(cwd, name);
    const file = await readTextFile(path);
    if ("refused" in file) {
      problems.push({ file: name, path: "", message: file.refused });
      continue;
    }
    const { text } = file;
    const kind = kindOf(text);
    if (kind === undefined) {
      const yaml = readYaml(text, name);
      const message =
        "is neither a pipeline file (no `pipeline` key) nor a team file (no `component` key) nor a scenario file (no `scenario` key)";
      problems.push(...("value" in yaml ? [{ file: name, path: "", message }] : yaml.problems));
    } else if (kind === "scenario") {
      const parsed = parseScenarioFile(text, name);
      if ("problems" in parsed) problems.push(...parsed.problems);
      else scenarios.push({ name, scenario: parsed.scenario });
    } else if (kind === "pipeline") {
      const parsed = parsePipelineFile(text, name);
      const readable = "problems" in parsed ? parsed.readable : parsed;
      const found = readable === undefined ? [] : await checkPipelineAgainstData(readable, path, access);
      problems.push(...sortedProblems([...("problems" in parsed ? parsed.problems : []), ...found]));
      if ("pipeline" in parsed) pipelines.push({ ...parsed, name, path });
    } else {
      const parsed = parseTeamFile(text, path, protocolCatalog);
      if ("problems" in parsed) problems.push(...parsed.problems.map((problem) => ({ ...problem, file: name })));
      else teams.push({ ...parsed, name, path, text });
      const readable = "problems" in parsed ? parsed.readable : parsed;
      if (readable !== undefined) ofTeams.push({ name, readable });
    }
  }
  for (const team of teams) {
    problems.push(...(await checkTeamModule(team)).map((problem) => ({ ...problem, file: team.name })));
  }
  const [pipeline] = pipelines;
  if (pipeline !== undefined && pipelines.length === 1) {
    for (const { name, readable } of ofTeams) {
      const found = await checkTeamAgainstData(readable, pipeline.pipeline, pipeline.path, requiringUpstream);
      problems.push(...found.map((problem) => ({ ...problem, file: name })));
    }
  }
  problems.push(...checkSharedBetween(pipelines));
  const deprecations = teams.flatMap((team) => team.deprecations.map((problem) => ({ ...problem, file: team.name })));
  return { pipelines, teams, scenarios, problems, deprecations };
}

/** The pipeline and team files of a stack. */
export interface StackFiles {
  readonly pipeline: PipelineSource;
  /** In the order of the pipeline's components. */
  readonly teams: readonly TeamSource[];
  readonly deprecations: readonly Problem[];
}

/** @throws UncoupleError `invalid-argument` with every problem, one per line */
export async function readStackFiles(files: readonly string[], cwd: string, access?: DataAccess): Promise<StackFiles> {
  const { pipelines, teams, scenarios, problems, deprecations } = await readConfiguration(files, cwd, access);
  const [pipeline, second] = pipelines;
  const found = problems.map(formatProblem);
  for (const { name } of scenarios)
    found.push(`${name} is a scenario file; leave it out, or run: uncouple simulate ${name}`);
  if (found.length === 0 && pipeline === undefined) found.push("none of the files is a pipeline file; add one");
  if (second !== undefined)
    found.push(`found two pipeline files, ${pipeline?.name} and ${second.name}; give exactly one`);
  const byComponent = new Map<string, TeamSource>();
  for (const team of teams) {
    const other = byComponent.get(team.team.component);
    if (other !== undefined)
      found.push(`${other.name} and ${team.name} are both for component ${team.team.component}; give one`);
    byComponent.set(team.team.component, team);
  }
  if (found.length > 0 || pipeline === undefined) throw new UncoupleError("invalid-argument", found.join("\n"));
  const inOrder = pipeline.pipeline.components.flatMap(({ name }) => byComponent.get(name) ?? []);
  return { pipeline, teams: inOrder, deprecations };
}

/** Classifies a file by its top-level keys, so that one with problems elsewhere is still checked as the right kind. */
export function kindOf(text: string): "pipeline" | "team" | "scenario" | undefined {
  const { contents } = parseDocument(text, { logLevel: "silent", prettyErrors: false, uniqueKeys: false });
  const items = isMap(contents) ? contents.items : [];
  const keys = new Set(items.map(({ key }) => (isScalar(key) ? String(key.value) : "")));
  if (keys.has("scenario")) return "scenario";
  if (keys.has("pipeline") || keys.has("components")) return "pipeline";
  return keys.has("component") || keys.has("model") ? "team" : undefined;
}
