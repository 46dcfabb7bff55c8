import { dirname, resolve } from "node:path";
import { requireTextFile } from "../common/files/text-file.ts";
import { type ParsedPipeline, parsePipelineFile } from "../pipeline/files/pipeline-file.ts";
import { problemsError } from "../pipeline/files/problem.ts";
import { checkPipelineAgainstSchema } from "../pipeline/files/schema-checks.ts";
import { openDataSource } from "./open-data-source.ts";
import type { DataAccess } from "./source/data-access.ts";
import type { DataSource } from "./source/data-source.ts";
import type { ColumnSchema } from "./table/table.ts";

/**
 * Reads and parses a pipeline file; returns the pipeline or all problems.
 * @throws UncoupleError `not-found`; `invalid-argument` if the file cannot be read, is too large or is not UTF-8
 */
export async function readPipelineFile(path: string): Promise<ReturnType<typeof parsePipelineFile>> {
  return parsePipelineFile(await requireTextFile("pipeline file", path), path);
}

/**
 * Opens the data of a pipeline and checks that it matches the pipeline.
 *
 * @param path of the pipeline file; relative paths of the data are relative to it
 * @param access what other machines are read with; without it, only local files are
 * @param memoryBytes as for `openDataSource`
 * @throws UncoupleError as `openDataSource`; `invalid-argument` with all mismatches, one per line
 */
export async function openPipelineData(
  parsed: ParsedPipeline,
  path: string,
  access: DataAccess | undefined,
  memoryBytes?: number,
): Promise<{ readonly source: DataSource; readonly schema: readonly ColumnSchema[] }> {
  const source = await openDataSource(parsed.pipeline.data, dirname(resolve(path)), access, memoryBytes);
  try {
    const schema = await source.schema();
    const problems = checkPipelineAgainstSchema(parsed, schema, source.unreadable());
    if (problems.length > 0) throw problemsError(problems);
    return { source, schema };
  } catch (thrown) {
    await source.close();
    throw thrown;
  }
}
