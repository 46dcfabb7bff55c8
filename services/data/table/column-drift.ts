import { log } from "../../common/elementary.ts";
import type { ColumnProfile, CoordinateProfile } from "../../pipeline/column-profile.ts";
import { countBins } from "./column-profile.ts";
import type { Column } from "./table.ts";

/** How a column differs from what it was in the training rows. Of a vector, the coordinate that differs most. */
export interface ColumnDrift {
  /**
   * The Population Stability Index, the sum over bins of (q - p) ln(q / p), less what samples of one distribution give on
   * average; at least 0.
   */
  readonly index: number;
  /** Share of rows outside the 0.1 % to 99.9 % range of the training rows, or with a text that they did not have. */
  readonly outside: number;
}

/** With fewer rows, chance alone reaches the index at which rows count as different. */
const LEAST_ROWS = 100;
/** Rows added to each bin, so that an empty one has a logarithm. */
const PRIOR = 0.5;

/**
 * Compares rows with the profile of the training rows.
 *
 * @param trained number of the training rows @param rows number of the rows
 * @param blocks of the column, all rows together
 * @returns undefined if there are fewer than 100 of either, or the profile describes a column of another kind
 */
export async function columnDrift(
  { coordinates }: ColumnProfile,
  trained: number,
  rows: number,
  blocks: AsyncIterable<Column>,
): Promise<ColumnDrift | undefined> {
  if (Math.min(rows, trained) < LEAST_ROWS || coordinates.length === 0) return undefined;
  const measured = coordinates.map(({ shares }) => ({ shares, counts: new Float64Array(shares.length), outside: 0 }));
  for await (const column of blocks) {
    for (const [index, coordinate] of coordinates.entries()) {
      const all = measured[index] as (typeof measured)[number];
      const counts = countBins(coordinate, column, index);
      if (counts === undefined) return undefined;
      for (const [bin, count] of counts.entries()) all.counts[bin] = (all.counts[bin] as number) + count;
      all.outside += countOutside(coordinate, column, index, counts);
    }
  }
  return {
    index: Math.max(...measured.map(({ shares, counts }) => stabilityIndex(shares, trained, counts, rows))),
    outside: Math.max(...measured.map(({ outside }) => outside / rows)),
  };
}

function stabilityIndex(shares: readonly number[], trained: number, counts: Float64Array, rows: number): number {
  let index = 0;
  let bins = 0;
  for (const [bin, share] of shares.entries()) {
    const count = counts[bin] as number;
    if (share === 0 && count === 0) continue;
    bins += 1;
    const before = (share * trained + PRIOR) / (trained + PRIOR * shares.length);
    const now = (count + PRIOR) / (rows + PRIOR * shares.length);
    index += (now - before) * log(now / before);
  }
  // (bins - 1) (1 / n + 1 / m) is the mean of a chi-squared variable (Yurdakul 2018).
  return Math.max(0, index - (bins - 1) * (1 / trained + 1 / rows));
}

function countOutside(
  { range, shares }: CoordinateProfile,
  column: Column,
  index: number,
  counts: Float64Array,
): number {
  // Where the training rows had other texts than the listed ones, new texts cannot be told from those.
  if (column.kind === "categorical") return shares.at(-1) === 0 ? (counts.at(-1) as number) : 0;
  if (range === undefined) return 0;
  const [low, high] = [Math.fround(range[0]), Math.fround(range[1])];
  let outside = 0;
  for (let at = index; at < column.values.length; at += column.width) {
    const value = column.values[at] as number;
    if (value < low || value > high) outside += 1;
  }
  return outside;
}
