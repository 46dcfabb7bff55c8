import { takeLabels } from "../../data/held-out-parts.ts";
import { createRandom } from "../../data/random/random.ts";
import type { HeldOutRows } from "../../data/source/data-source.ts";
import type { CategoricalColumn, Table } from "../../data/table/table.ts";
import { takeRows } from "../../data/table/take-rows.ts";
import { groupingsOf } from "../../learning/model-tests/subject.ts";
import { groupColumns } from "../../pipeline/group-columns.ts";
import { keyColumns } from "../../pipeline/hashed-keys.ts";
import { MOST_TESTED_ROWS } from "../../pipeline/model-test.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Grouping } from "../../verdicts/paired/sample.ts";

/** The held-out rows that tests of models use, in random order: a test of fewer rows takes the first ones. */
export interface TestSample {
  /** Their numbers among the rows that they were chosen from. */
  readonly rows: Int32Array;
  readonly table: Table;
  /** Keys, groups and slices. */
  readonly labels: Readonly<Record<string, CategoricalColumn>>;
  readonly groupings: readonly Grouping[];
}

/** Chooses the rows at random, and the same ones every time. */
export function createTestSample(
  pipeline: Pipeline,
  { table, labels }: Pick<HeldOutRows, "table" | "labels">,
): TestSample {
  const rows = createRandom(0, "model-tests").permutation(table.rows).slice(0, MOST_TESTED_ROWS);
  const groups = groupColumns(pipeline);
  const needed = new Set([...keyColumns(pipeline), ...groups, ...(pipeline.slices ?? [])]);
  const chosen = Object.fromEntries(
    Object.entries(labels)
      .filter(([name]) => needed.has(name))
      .map(([name, column]) => [name, takeLabels(column, rows)]),
  );
  return { rows, table: takeRows(table, rows), labels: chosen, groupings: groupingsOf(groups, chosen, rows.length) };
}
