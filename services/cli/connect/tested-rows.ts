import type { DataAccess } from "../../data/source/data-access.ts";
import type { ColumnSchema } from "../../data/table/table.ts";
import type { TestSample } from "../../evaluator/model-tests/test-sample.ts";
import type { ParsedPipeline } from "../../pipeline/files/pipeline-file.ts";
import type { HeldOutGeneration } from "../../pipeline/generation.ts";
import { groupColumns } from "../../pipeline/group-columns.ts";
import { keyColumns } from "../../pipeline/hashed-keys.ts";
import { MOST_TESTED_ROWS } from "../../pipeline/model-test.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { visibleColumns } from "../../pipeline/visible-columns.ts";
import type { Logger } from "../../runtime/logs.ts";

/** Rows for tests of models, of a schema. */
export interface TestedRows {
  readonly schema: readonly ColumnSchema[];
  readonly sample: TestSample;
}

/** Where rows are, and which generation of held-out rows is in force. */
export interface RowsPlace {
  readonly parsed: ParsedPipeline;
  /** Of the pipeline file. */
  readonly path: string;
  readonly access: DataAccess;
  readonly generation: HeldOutGeneration | undefined;
}

/**
 * Reads the rows that the trainer of a component tests its models on: training rows, from the trainer's place, with the columns
 * that its team may see. Never opens the held-out rows' own place.
 * @throws UncoupleError as `openPipelineData` and `DataSource.sampleRows`
 */
export async function readTrainingRows(
  { parsed, path, access, generation }: RowsPlace,
  component: string,
): Promise<TestedRows> {
  const [{ openPipelineData }, { groupingsOf }] = await Promise.all([
    import("../../data/read-pipeline.ts"),
    import("../../learning/model-tests/subject.ts"),
  ]);
  const { pipeline } = parsed;
  const visible = visibleColumns(pipeline, component);
  const groups = groupColumns(pipeline);
  const { source, schema } = await openPipelineData(parsed, path, access, { trainer: component });
  try {
    const available = new Set([...schema.map(({ name }) => name), ...source.unreadable().keys()]);
    const labelNames = [...keyColumns(pipeline), ...groups, ...sliceColumns(pipeline, component)].filter((name) =>
      available.has(name),
    );
    const { table, labels } = await source.sampleRows(visible, [...new Set(labelNames)], MOST_TESTED_ROWS, {
      heldOutAfter: generation?.heldOutAfter,
    });
    const rows = Int32Array.from({ length: table.rows }, (_, row) => row);
    const groupings = groupingsOf(groups, labels, table.rows);
    return { schema, sample: { rows, unnamed: "sampled row", table, labels, groupings } };
  } finally {
    await source.close();
  }
}

/** The columns that slices of the pipeline's tests name and no model reads; the trainer's place need not have them. */
function sliceColumns(pipeline: Pipeline, component: string): readonly string[] {
  const visible = visibleColumns(pipeline, component);
  return (pipeline.tests ?? [])
    .filter((test) => test.component === component)
    .flatMap((test) => (test.kind === "slice" ? Object.keys(test.where) : []))
    .filter((name) => !visible.includes(name));
}

/**
 * Reads the rows that evaluators test models on: a sample of the screen rows.
 * @throws UncoupleError as `loadHeldOut` and `createHeldOutParts`
 */
export async function readScreenRows(
  { parsed, path, access, generation }: RowsPlace,
  log: Logger,
): Promise<TestedRows> {
  const [{ loadHeldOut }, { createHeldOutParts, splitInUse }] = await Promise.all([
    import("../../evaluator/load-held-out.ts"),
    import("../../evaluator/held-out-parts.ts"),
  ]);
  const { pipeline } = parsed;
  const heldOut = await loadHeldOut(parsed, path, log, access);
  const split = splitInUse(generation, heldOut.fingerprint, pipeline, log);
  return { schema: heldOut.schema, sample: createHeldOutParts(pipeline, heldOut, split).sample };
}
