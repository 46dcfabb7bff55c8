import { openPipelineData } from "../data/read-pipeline.ts";
import type { HeldOutRows } from "../data/source/data-source.ts";
import type { ColumnSchema, Table } from "../data/table/table.ts";
import { heldOutColumns } from "../data/visibility.ts";
import type { ParsedPipeline } from "../pipeline/files/pipeline-file.ts";
import type { Logger } from "../runtime/logs.ts";
import { labelColumns } from "./row-structure.ts";

export interface HeldOut {
  readonly schema: readonly ColumnSchema[];
  readonly table: Table;
  readonly labels: HeldOutRows["labels"];
  /** SHA-256 (hex) of the rows. */
  readonly fingerprint: string;
}

/**
 * Loads the held-out rows, which no trainer sees, with every column needed to compose and judge snapshots.
 *
 * @param path of the pipeline file; relative data paths are resolved against its folder
 * @throws UncoupleError as `openPipelineData` and `DataSource.heldOutRows`
 */
export async function loadHeldOut(parsed: ParsedPipeline, path: string, log: Logger): Promise<HeldOut> {
  const { pipeline } = parsed;
  const { source, schema } = await openPipelineData(parsed, path);
  try {
    const { table, labels, bad, fingerprint } = await source.heldOutRows(
      heldOutColumns(pipeline),
      labelColumns(pipeline),
    );
    log.info({ rows: table.rows, fingerprint }, "held-out rows loaded");
    if (bad.bad > 0) {
      log.warn({ bad: bad.bad, total: bad.total, examples: bad.examples }, "skipped bad held-out rows");
    }
    return { schema, table, labels, fingerprint };
  } finally {
    await source.close();
  }
}
