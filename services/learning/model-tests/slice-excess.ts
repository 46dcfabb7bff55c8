import { mean } from "../../common/statistics.ts";
import { sliceRows } from "../../data/slice-rows.ts";
import { rowLosses, targetOf } from "../../data/targets/losses.ts";
import { targetColumn } from "../../data/targets/target-column.ts";
import type { SliceTest } from "../../pipeline/model-test.ts";
import { restricted } from "../../verdicts/paired/compare-slices.ts";
import { FEWEST_UNITS } from "../../verdicts/paired/floor.ts";
import type { Evidence } from "./evidence.ts";
import type { TestSubject } from "./subject.ts";

/** How far the loss on a slice goes beyond its limits. */
export interface SliceExcess {
  /** The rows of the slice, ascending. */
  readonly rows: Int32Array;
  /** One for each limit. */
  readonly evidence: readonly Evidence[];
  /** Mean loss beyond the nearest limit. */
  readonly excess: number;
  /** [rows of the slice]. */
  readonly losses: Float64Array;
}

/**
 * Measures the loss on a slice of a subject's rows.
 * @param base the outputs of all rows, [rows * width]
 * @returns a string if it cannot be measured, which says why
 */
export function sliceExcess(test: SliceTest, subject: TestSubject, base: Float32Array): SliceExcess | string {
  const { component, table, targets, labels, groupings } = subject;
  const rows = sliceRows(test.where, table, labels);
  if (rows.length < FEWEST_UNITS) {
    return `${rows.length} of ${table.rows} rows are in the slice, and the test needs at least ${FEWEST_UNITS}`;
  }
  const all = rowLosses(component, base, targetOf(component, targetColumn(component, targets)));
  const losses = Float64Array.from(rows, (row) => all[row] as number);
  const evidence: Evidence[] = [];
  const { lossAtMost, lossRelativeToAll } = test;
  if (lossAtMost !== undefined) {
    const values = losses.map((loss) => loss - lossAtMost);
    evidence.push({ values, groupings: groupings.map((grouping) => restricted(grouping, rows)) });
  }
  if (lossRelativeToAll !== undefined) {
    evidence.push({ values: relativeValues(all, losses, rows, lossRelativeToAll), groupings });
  }
  return { rows, evidence, excess: Math.max(...evidence.map(({ values }) => mean(values))), losses };
}

/**
 * R - f L, with R the mean loss on the slice and L that on all rows, as a mean over all rows: the influence of each row, so that
 * the error of the ratio R is part of the standard error (the delta method).
 */
function relativeValues(all: Float64Array, losses: Float64Array, rows: Int32Array, factor: number): Float64Array {
  const share = rows.length / all.length;
  const center = mean(losses);
  const values = all.map((loss) => center - factor * loss);
  for (const row of rows) values[row] = (values[row] as number) + ((all[row] as number) - center) / share;
  return values;
}
