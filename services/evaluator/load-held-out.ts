import { dirname } from "node:path";
import { requireTextFile } from "../common/files/text-file.ts";
import { openDataSource } from "../data/open-data-source.ts";
import type { ColumnSchema, Table } from "../data/table/table.ts";
import { heldOutColumns } from "../data/visibility.ts";
import { type ParsedPipeline, parsePipelineFile } from "../pipeline/files/pipeline-file.ts";
import { problemsError } from "../pipeline/files/problem.ts";
import { checkPipelineAgainstSchema } from "../pipeline/files/schema-checks.ts";
import type { Logger } from "../runtime/logs.ts";

/** @throws UncoupleError `not-found`, `invalid-argument` with every problem, one a line */
export async function readPipelineFile(path: string): Promise<ParsedPipeline> {
  const parsed = parsePipelineFile(await requireTextFile("pipeline file", path), path);
  if ("problems" in parsed) throw problemsError(parsed.problems);
  return parsed;
}

export interface HeldOut {
  readonly schema: readonly ColumnSchema[];
  readonly table: Table;
}

/**
 * Loads the rows that no trainer sees, in every column that composing and judging takes.
 *
 * @param path of the pipeline file, which relative paths of the data are relative to
 * @throws UncoupleError as `openDataSource` and `DataSource.heldOutRows`; `invalid-argument` where the pipeline does not
 *   fit its data
 */
export async function loadHeldOut(parsed: ParsedPipeline, path: string, log: Logger): Promise<HeldOut> {
  const { pipeline } = parsed;
  const source = await openDataSource(pipeline.data, dirname(path));
  try {
    const schema = await source.schema();
    const problems = checkPipelineAgainstSchema(parsed, schema, source.unreadable());
    if (problems.length > 0) throw problemsError(problems);
    const { table, bad, fingerprint } = await source.heldOutRows(heldOutColumns(pipeline));
    log.info({ rows: table.rows, fingerprint }, "held-out rows loaded");
    if (bad.bad > 0) {
      log.warn(
        { bad: bad.bad, total: bad.total, examples: bad.examples },
        "held-out rows that cannot be used are left out",
      );
    }
    return { schema, table };
  } finally {
    await source.close();
  }
}
