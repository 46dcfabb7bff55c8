import { yieldToEventLoop } from "../../common/async/yield.ts";
import type { CategoricalColumn, Table } from "../../data/table/table.ts";
import { takeRows } from "../../data/table/take-rows.ts";
import type { Component } from "../../pipeline/pipeline.ts";
import type { Grouping } from "../../verdicts/paired/sample.ts";

/** Predicts the tested output for rows. @returns [rows * width]; values that are not finite violate every test */
export type Predict = (table: Table) => Promise<Float32Array>;

/** The rows of tests, in the order in which they are sampled: a test of fewer rows takes the first ones. */
export interface TestRows {
  /** What the model reads. */
  readonly table: Table;
  /** The columns that its loss compares with: a target may have the name of an input. */
  readonly targets: Table;
  /** Columns that slices may name, as text. */
  readonly labels: Readonly<Record<string, CategoricalColumn>>;
  /** None if rows are independent. */
  readonly groupings: readonly Grouping[];
}

/** A model under test. */
export interface TestSubject extends TestRows {
  /** Whose output is tested. */
  readonly component: Component;
  readonly predict: Predict;
  /** The snapshot to agree with; absent if there is none. */
  readonly previous?: Predict;
}

/** The groups of rows by some of their labels; none if no two rows share one. */
export function groupingsOf(columns: readonly string[], labels: TestRows["labels"], rows: number): readonly Grouping[] {
  const groupings = columns.flatMap((column) => {
    const label = labels[column];
    return label === undefined ? [] : [{ codes: label.codes, count: label.dictionary.length }];
  });
  return groupings.some(({ count }) => count < rows) ? groupings : [];
}

/** Rows in one call of a model, which bounds what a test with many variants of a row needs. */
const BLOCK = 20_000;

/**
 * Predicts variants of rows, in calls of bounded size.
 * @param rows indices into `table`; @param variants how many a row has
 * @param vary makes the variants of a block: `variants` consecutive rows for each row of `chosen`
 * @param use called for every row, in order, with its place in `rows` and the offset of its first variant in `outputs`
 */
export async function predictVariants(
  rows: Int32Array,
  variants: number,
  vary: (chosen: Int32Array) => Table,
  predict: Predict,
  use: (place: number, outputs: Float32Array, offset: number) => void,
): Promise<void> {
  const perBlock = Math.max(1, Math.floor(BLOCK / variants));
  for (let start = 0; start < rows.length; start += perBlock) {
    const chosen = rows.subarray(start, start + perBlock);
    const outputs = await predict(vary(chosen));
    const stride = outputs.length / chosen.length;
    for (let at = 0; at < chosen.length; at++) use(start + at, outputs, at * stride);
    await yieldToEventLoop();
  }
}

/** Predicts rows as they are. @returns [rows * width] */
export async function predictRows(table: Table, rows: Int32Array, predict: Predict): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (let start = 0; start < rows.length; start += BLOCK) {
    parts.push(await predict(takeRows(table, rows.subarray(start, start + BLOCK))));
    await yieldToEventLoop();
  }
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
