import { openPipelineData } from "../data/read-pipeline.ts";
import type { DataAccess } from "../data/source/data-access.ts";
import type { HeldOutRows } from "../data/source/data-source.ts";
import { fingerprintRowSet } from "../data/spill/row-set-fingerprint.ts";
import type { SpillSpace } from "../data/spill/spill-folder.ts";
import { type StoredTable, withColumns } from "../data/spill/stored-table.ts";
import type { ColumnSchema, Table } from "../data/table/table.ts";
import { heldOutColumns } from "../data/visibility.ts";
import { componentNamed } from "../pipeline/dag.ts";
import type { ParsedPipeline } from "../pipeline/files/pipeline-file.ts";
import { crossingGroups } from "../pipeline/files/split.ts";
import { keyColumns } from "../pipeline/hashed-keys.ts";
import { objectiveClosure } from "../pipeline/objectives.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { targetColumns } from "../pipeline/visible-columns.ts";
import type { Logger } from "../runtime/logs.ts";
import { labelColumns } from "./row-structure.ts";

/** How much memory held-out rows may take, and where others go. */
export interface HeldOutMemory {
  readonly databaseBytes: number;
  /** Default: all rows stay in memory. */
  readonly space: SpillSpace | undefined;
}

export interface HeldOut<T extends StoredTable = StoredTable> {
  readonly schema: readonly ColumnSchema[];
  readonly table: T;
  readonly labels: HeldOutRows["labels"];
  /** SHA-256 (hex) of keys, and inputs and targets of the pipeline loss, whatever the order of the rows. */
  readonly fingerprint: string;
  /** With a split by time, in ISO 8601: all rows are later. */
  readonly heldOutAfter?: string;
}

/** The columns that the pipeline loss depends on: a component that is added beside changes no loss of the others. */
function judgedColumns(pipeline: Pipeline): readonly string[] {
  return objectiveClosure(pipeline).flatMap((name) => {
    const component = componentNamed(pipeline, name);
    return [...component.columns, ...targetColumns(component)];
  });
}

function pick<T>(values: Readonly<Record<string, T>>, names: readonly string[]): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.includes(name)));
}

/**
 * Loads the held-out rows, which no trainer sees, with every column needed to compose and judge snapshots.
 *
 * @param path of the pipeline file; relative data paths are resolved against its folder
 * @param access what other machines are read with; without it, only local files are
 * @param memory default: all rows stay in memory
 * @throws UncoupleError as `openPipelineData` and `DataSource.heldOutRows`
 */
export function loadHeldOut(
  parsed: ParsedPipeline,
  path: string,
  log: Logger,
  access?: DataAccess,
): Promise<HeldOut<Table>>;
export function loadHeldOut(
  parsed: ParsedPipeline,
  path: string,
  log: Logger,
  access: DataAccess | undefined,
  memory: HeldOutMemory,
): Promise<HeldOut>;
export async function loadHeldOut(
  parsed: ParsedPipeline,
  path: string,
  log: Logger,
  access?: DataAccess,
  memory?: HeldOutMemory,
): Promise<HeldOut> {
  const { pipeline } = parsed;
  const { source, schema } = await openPipelineData(parsed, path, access, "evaluator", memory?.databaseBytes);
  try {
    const crossing = crossingGroups(pipeline);
    if (crossing !== undefined) log.warn(crossing);
    const [columns, labelNames] = [heldOutColumns(pipeline), labelColumns(pipeline)];
    const space = memory?.space;
    const { table, labels, bad, boundary } =
      space === undefined
        ? await source.heldOutRows(columns, labelNames)
        : await source.storedHeldOutRows(columns, labelNames, space);
    const fingerprint = await fingerprintRowSet(
      withColumns(table, judgedColumns(pipeline)),
      pick(labels, keyColumns(pipeline)),
    );
    log.info({ rows: table.rows, fingerprint }, "held-out rows loaded");
    if (bad.bad > 0) {
      log.warn({ bad: bad.bad, total: bad.total, examples: bad.examples }, "skipped bad held-out rows");
    }
    return { schema, table, labels, fingerprint, ...(boundary !== undefined && { heldOutAfter: boundary }) };
  } finally {
    await source.close();
  }
}
