import { takeLabels } from "../../data/held-out-parts.ts";
import { createRandom } from "../../data/random/random.ts";
import type { HeldOutRows } from "../../data/source/data-source.ts";
import { isSpilled, loadTable, type StoredTable } from "../../data/spill/stored-table.ts";
import { takeStoredRows } from "../../data/spill/take-stored-rows.ts";
import type { CategoricalColumn, Table } from "../../data/table/table.ts";
import { takeRows } from "../../data/table/take-rows.ts";
import { groupingsOf } from "../../learning/model-tests/subject.ts";
import { groupColumns } from "../../pipeline/group-columns.ts";
import { keyColumns } from "../../pipeline/hashed-keys.ts";
import { MOST_TESTED_ROWS } from "../../pipeline/model-test.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Grouping } from "../../verdicts/paired/sample.ts";

/** The rows that tests of models use, in random order: a test of fewer rows takes the first ones. */
export interface TestSample {
  /** Their numbers among the rows that they were chosen from. */
  readonly rows: Int32Array;
  /** What a row without a key is called, before its number. */
  readonly unnamed: string;
  readonly table: Table;
  /** Keys, groups and slices. */
  readonly labels: Readonly<Record<string, CategoricalColumn>>;
  readonly groupings: readonly Grouping[];
}

/** Chooses held-out rows at random, and the same ones every time. */
export function createTestSample(
  pipeline: Pipeline,
  { table, labels }: Pick<HeldOutRows, "table" | "labels">,
): TestSample {
  const rows = chooseRows(table.rows);
  return sampleOf(pipeline, rows, takeRows(table, rows), labels);
}

/** As `createTestSample`, of rows that may be in files. */
export async function storedTestSample(
  pipeline: Pipeline,
  { table, labels }: Pick<HeldOutRows<StoredTable>, "table" | "labels">,
): Promise<TestSample> {
  if (!isSpilled(table)) return createTestSample(pipeline, { table, labels });
  const rows = chooseRows(table.rows);
  const ascending = rows.toSorted();
  const places = new Map(Array.from(ascending, (row, place) => [row, place]));
  const chosen = await loadTable(await takeStoredRows(table, ascending));
  const order = rows.map((row) => places.get(row) as number);
  return sampleOf(pipeline, rows, takeRows(chosen, order), labels);
}

function chooseRows(rows: number): Int32Array {
  return createRandom(0, "model-tests").permutation(rows).slice(0, MOST_TESTED_ROWS);
}

function sampleOf(pipeline: Pipeline, rows: Int32Array, table: Table, labels: HeldOutRows["labels"]): TestSample {
  const groups = groupColumns(pipeline);
  const needed = new Set([...keyColumns(pipeline), ...groups, ...(pipeline.slices ?? [])]);
  const chosen = Object.fromEntries(
    Object.entries(labels)
      .filter(([name]) => needed.has(name))
      .map(([name, column]) => [name, takeLabels(column, rows)]),
  );
  const groupings = groupingsOf(groups, chosen, rows.length);
  return { rows, unnamed: "held-out row", table, labels: chosen, groupings };
}
