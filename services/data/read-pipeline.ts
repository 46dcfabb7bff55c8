import { dirname, resolve } from "node:path";
import { UncoupleError } from "../common/errors.ts";
import { requireTextFile } from "../common/files/text-file.ts";
import { columnsFor, type DataReader, sourceFor } from "../pipeline/data-reader.ts";
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
 * Opens the data of a pipeline that somebody reads, and no other, and checks that it matches the pipeline.
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
  reader: DataReader,
  memoryBytes?: number,
): Promise<{ readonly source: DataSource; readonly schema: readonly ColumnSchema[] }> {
  const { spec, setting } = sourceFor(parsed.pipeline, reader);
  const source = await openDataSource(spec, dirname(resolve(path)), access, memoryBytes).catch((thrown: unknown) => {
    throw ofSetting(setting, thrown);
  });
  try {
    const schema = await source.schema();
    const problems = checkPipelineAgainstSchema(parsed, schema, source.unreadable(), {
      name: nameOfSetting(setting),
      columns: columnsFor(parsed.pipeline, reader),
    });
    if (problems.length > 0) throw problemsError(problems);
    return { source, schema };
  } catch (thrown) {
    await source.close();
    throw thrown;
  }
}

/** As messages call what is opened. */
export function nameOfSetting(setting: string): string {
  return setting === "data" ? "the data" : setting;
}

/** Keys of a place. Other messages about `data` stay, because they are about what all places have in common. */
const OF_PLACE = /^data\.(path|format|query|table|url_env|url_file): /;

/** An error of opening rows, which is about `data`, as one about the place that was opened. */
export function ofSetting(setting: string, thrown: unknown): unknown {
  if (setting === "data" || !(thrown instanceof UncoupleError)) return thrown;
  const { code, message } = thrown;
  const text = OF_PLACE.test(message) ? message.replace("data", setting) : `${setting}: ${message}`;
  return new UncoupleError(code, text, { cause: thrown });
}
