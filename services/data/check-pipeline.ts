import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { asUncoupleError } from "../common/errors.ts";
import type { ReadableParts } from "../pipeline/files/pipeline-file.ts";
import type { Problem } from "../pipeline/files/problem.ts";
import { checkPipelineAgainstSchema } from "../pipeline/files/schema-checks.ts";
import type { ParsedTeam } from "../pipeline/files/team-file.ts";
import { createReporter } from "../pipeline/files/yaml-file.ts";
import { groupColumns } from "../pipeline/group-columns.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { partFaults } from "./held-out-parts.ts";
import { openDataSource } from "./open-data-source.ts";
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
      return problems.length > 0 ? problems : await checkHeldOutParts(parsed, source);
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
 * Reads the schema of a pipeline's data, for checks of team files.
 * @param path as in `checkPipelineAgainstData`, which reports data that cannot be opened
 * @returns undefined for such data
 */
export async function schemaOfData({ data }: Pipeline, path: string): Promise<readonly ColumnSchema[] | undefined> {
  try {
    const source = await openDataSource(data, dirname(resolve(path)));
    try {
      return await source.schema();
    } finally {
      await source.close();
    }
  } catch (thrown) {
    if (asUncoupleError(thrown).code === "internal") throw thrown;
    return undefined;
  }
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
