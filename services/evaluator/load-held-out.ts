import { openPipelineData } from "../data/read-pipeline.ts";
import type { ColumnSchema, Table } from "../data/table/table.ts";
import { heldOutColumns } from "../data/visibility.ts";
import type { ParsedPipeline } from "../pipeline/files/pipeline-file.ts";
import type { Logger } from "../runtime/logs.ts";

export interface HeldOut {
  readonly schema: readonly ColumnSchema[];
  readonly table: Table;
}

/**
 * Loads the rows that no trainer sees, in every column that composing and judging takes.
 *
 * @param path of the pipeline file, which relative paths of the data are relative to
 * @throws UncoupleError as `openPipelineData` and `DataSource.heldOutRows`
 */
export async function loadHeldOut(parsed: ParsedPipeline, path: string, log: Logger): Promise<HeldOut> {
  const { pipeline } = parsed;
  const { source, schema } = await openPipelineData(parsed, path);
  try {
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
