import { resolve } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { requireTextFile } from "../../common/files/text-file.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import type { DataColumn } from "../../pipeline/files/data-column.ts";
import { checkPipelineTests, checkTeamTests } from "../../pipeline/files/model-test-checks.ts";
import { parsePipelineFile } from "../../pipeline/files/pipeline-file.ts";
import { problemsError } from "../../pipeline/files/problem.ts";
import { parseTeamFile } from "../../pipeline/files/team-file.ts";
import { createReporter, type FileMap } from "../../pipeline/files/yaml-file.ts";
import type { ModelTest, PipelineTest } from "../../pipeline/model-test.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { kindOf } from "./configuration.ts";

/** The tests of a file, which replace those that are recorded. */
export type GivenTests = { readonly map: FileMap } & (
  | { readonly scope: "component"; readonly tests: readonly ModelTest[] }
  | { readonly scope: "pipeline"; readonly tests: readonly PipelineTest[] }
);

/**
 * Reads the tests of a team file of a component, or of a pipeline file. Reads no data.
 * @param name of the file, as given on the command line
 * @throws UncoupleError `not-found`; `invalid-argument` for a file with problems, without tests, or about something else
 */
export async function readGivenTests(
  name: string,
  cwd: string,
  { pipeline, component }: { readonly pipeline: string; readonly component: string },
): Promise<GivenTests> {
  const path = resolve(cwd, name);
  const text = await requireTextFile("file with tests", path);
  if (kindOf(text) === "pipeline") {
    const parsed = parsePipelineFile(text, name);
    if ("problems" in parsed) throw problemsError(parsed.problems);
    const { name: other, tests = [] } = parsed.pipeline;
    if (other !== pipeline) throw refused(`${name} is the pipeline file of ${other}, not of ${pipeline}`);
    if (tests.length === 0) throw refused(`${name} has no tests`);
    return { scope: "pipeline", tests, map: parsed.map };
  }
  if (kindOf(text) !== "team") throw refused(`${name} is neither a team file nor a pipeline file`);
  // Loaded lazily: it imports tfjs.
  const { protocolCatalog } = await import("../../learning/protocols/all.ts");
  const parsed = parseTeamFile(text, path, protocolCatalog);
  if ("problems" in parsed) throw problemsError(parsed.problems.map((problem) => ({ ...problem, file: name })));
  const { component: other, tests = [] } = parsed.team;
  if (other !== component) throw refused(`${name} is for component ${other}, not ${component}`);
  if (tests.length === 0) throw refused(`${name} has no tests`);
  return { scope: "component", tests, map: { ...parsed.map, file: name } };
}

/** @throws UncoupleError `invalid-argument` with every test that the pipeline or its data cannot answer */
export function checkGivenTests(
  given: GivenTests,
  pipeline: Pipeline,
  component: string,
  schema: readonly DataColumn[],
): void {
  const reporter = createReporter(given.map);
  if (given.scope === "pipeline") checkPipelineTests(given.tests, pipeline, schema, reporter);
  else checkTeamTests(given.tests, pipeline, componentNamed(pipeline, component), schema, reporter);
  if (reporter.problems.length > 0) throw problemsError(reporter.problems);
}

function refused(message: string): UncoupleError {
  return new UncoupleError("invalid-argument", message);
}
