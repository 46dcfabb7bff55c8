import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { asUncoupleError } from "../common/errors.ts";
import type { ReadableParts } from "../pipeline/files/pipeline-file.ts";
import type { Problem } from "../pipeline/files/problem.ts";
import { checkPipelineAgainstSchema } from "../pipeline/files/schema-checks.ts";
import { checkTeamAgainstPipeline, type ParsedTeam, type ReadableTeam } from "../pipeline/files/team-file.ts";
import { createReporter, type FileMap } from "../pipeline/files/yaml-file.ts";
import { groupColumns } from "../pipeline/group-columns.ts";
import { MOST_TESTED_ROWS, type ModelTest } from "../pipeline/model-test.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { partFaults } from "./held-out-parts.ts";
import { openDataSource } from "./open-data-source.ts";
import { sliceRows } from "./slice-rows.ts";
import type { DataAccess } from "./source/data-access.ts";
import type { DataSource } from "./source/data-source.ts";
import type { ColumnSchema } from "./table/table.ts";
import { heldOutColumns } from "./visibility.ts";

/**
 * Checks a pipeline against its data, and a gate's parts of the held-out rows. Data that cannot be opened is a problem, too.
 * @param path of the pipeline file; the path of the data is relative to it
 * @param access what other machines are read with; without it, only local files are
 */
export async function checkPipelineAgainstData(
  parsed: ReadableParts,
  path: string,
  access?: DataAccess,
): Promise<readonly Problem[]> {
  try {
    const source = await openDataSource(parsed.pipeline.data, dirname(resolve(path)), access);
    try {
      const problems = checkPipelineAgainstSchema(parsed, await source.schema(), source.unreadable());
      if (problems.length > 0) return problems;
      const { pipeline, map } = parsed;
      const slices = await checkSlices(pipeline.tests ?? [], pipeline.slices ?? [], source, map);
      return [...slices, ...(await checkHeldOutParts(parsed, source))];
    } finally {
      await source.close();
    }
  } catch (thrown) {
    const error = asUncoupleError(thrown);
    if (error.code === "internal") throw error;
    // A message that starts with a key is about that key.
    const [, key = "data", message = error.message] = /^((?:data|split)\.\w+): (.*)$/s.exec(error.message) ?? [];
    const reporter = createReporter(parsed.map);
    reporter.report(key.split("."), message);
    return reporter.problems;
  }
}

/**
 * Checks a team file against its pipeline and the pipeline's data. Leaves out the data if it cannot be read, which
 * `checkPipelineAgainstData` reports.
 * @param path of the pipeline file; @param requiringUpstream as in `checkTeamAgainstPipeline`
 */
export async function checkTeamAgainstData(
  parsed: ReadableTeam,
  pipeline: Pipeline,
  path: string,
  requiringUpstream: ReadonlySet<string>,
): Promise<readonly Problem[]> {
  const check = (schema?: readonly ColumnSchema[]) =>
    checkTeamAgainstPipeline(parsed, pipeline, requiringUpstream, schema);
  const { tests } = parsed.team;
  if (tests === undefined) return check();
  try {
    const source = await openDataSource(pipeline.data, dirname(resolve(path)));
    try {
      const problems = check(await source.schema());
      return problems.length > 0 ? problems : await checkSlices(tests, [], source, parsed.map);
    } finally {
      await source.close();
    }
  } catch (thrown) {
    if (asUncoupleError(thrown).code === "internal") throw thrown;
    return check();
  }
}

/**
 * Checks that the slices of tests have rows, on a sample of the training rows. Those that need an upstream output are left out.
 * @param labels columns that slices may name as text
 */
async function checkSlices(
  tests: readonly ModelTest[],
  labels: readonly string[],
  source: DataSource,
  map: FileMap,
): Promise<readonly Problem[]> {
  const reporter = createReporter(map);
  const known = new Set((await source.schema()).map(({ name }) => name));
  for (const [index, test] of tests.entries()) {
    if (test.kind !== "slice" || !Object.keys(test.where).every((name) => known.has(name))) continue;
    const columns = Object.keys(test.where);
    const rows = await source.sampleRows(
      columns.filter((name) => !labels.includes(name)),
      columns.filter((name) => labels.includes(name)),
      MOST_TESTED_ROWS,
    );
    if (sliceRows(test.where, rows.table, rows.labels).length > 0) continue;
    const count = rows.table.rows.toLocaleString("en-US");
    reporter.report(["tests", index, "slice"], `none of ${count} training rows is in the slice`);
  }
  return reporter.problems;
}

/** Checks that a gate's parts of the held-out rows are large enough, for which it reads them. */
async function checkHeldOutParts({ pipeline, map }: ReadableParts, source: DataSource): Promise<readonly Problem[]> {
  if (pipeline.gate === undefined) return [];
  const { table, labels } = await source.heldOutRows(heldOutColumns(pipeline), groupColumns(pipeline));
  const reporter = createReporter(map);
  for (const { path, message } of partFaults(pipeline, { rows: table.rows, labels }, pipeline.gate.split)) {
    reporter.report(path, message);
  }
  return reporter.problems;
}

/** Checks that the model module of a team file exists, if it names one. */
export async function checkTeamModule({ team, map }: ParsedTeam): Promise<readonly Problem[]> {
  if (team.model.kind !== "module") return [];
  const { path } = team.model;
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return [];
  const place = ["model", "module"];
  return [{ file: map.file, line: map.line(place), path: place.join("."), message: `file not found: ${path}` }];
}
