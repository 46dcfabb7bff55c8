import { yieldToEventLoop } from "../../common/async/yield.ts";
import type { ColumnProfile, CoordinateProfile } from "../../pipeline/column-profile.ts";
import type { CategoricalColumn, Column, NumericColumn, Table } from "./table.ts";

/** Most coordinates that a manifest describes, with about 200 bytes each; a column that exceeds them is left out. */
const MOST_COORDINATES = 64;
/** Most values of a text column that are told apart, each of at most this many characters. */
const MOST_VALUES = 20;
const LONGEST_VALUE = 64;
const DECILES = [1, 2, 3, 4, 5, 6, 7, 8, 9];
/** The tails that do not count as a coordinate's range, on each side. */
const TAIL = 0.001;

/**
 * Describes the distribution of columns.
 * @param table at least one row, with these columns
 */
export async function profileColumns(table: Table, names: readonly string[]): Promise<ColumnProfile[]> {
  const profiles: ColumnProfile[] = [];
  let left = MOST_COORDINATES;
  for (const name of names) {
    const column = table.columns[name] as Column;
    if (column.width > left) continue;
    left -= column.width;
    const coordinates: CoordinateProfile[] = [];
    for (let index = 0; index < column.width; index++) {
      coordinates.push(column.kind === "numeric" ? profileNumbers(column, index) : profileTexts(column));
      // Sorting a million numbers takes 100 ms.
      await yieldToEventLoop();
    }
    profiles.push({ name, coordinates });
  }
  return profiles;
}

/**
 * Counts the rows in each bin of a profile.
 * @param column with the coordinate `index`
 * @returns undefined if the profile describes another kind of column
 */
export function countBins(
  { edges, values, shares }: CoordinateProfile,
  column: Column,
  index: number,
): Float64Array | undefined {
  const counts = new Float64Array(shares.length);
  const count = (bin: number) => {
    counts[bin] = (counts[bin] as number) + 1;
  };
  if (column.kind === "numeric") {
    if (edges === undefined || edges.length + 1 !== shares.length || index >= column.width) return undefined;
    const bounds = Float32Array.from(edges);
    for (let at = index; at < column.values.length; at += column.width) {
      const value = column.values[at] as number;
      let bin = 0;
      while (bin < bounds.length && value > (bounds[bin] as number)) bin++;
      count(bin);
    }
    return counts;
  }
  if (values === undefined || values.length + 1 !== shares.length) return undefined;
  const places = new Map(values.map((value, bin) => [value, bin]));
  const binOf = column.dictionary.map((value) => places.get(value) ?? values.length);
  for (const code of column.codes) count(binOf[code] as number);
  return counts;
}

function profileNumbers(column: NumericColumn, index: number): CoordinateProfile {
  const rows = column.values.length / column.width;
  const sorted = new Float32Array(rows);
  for (let row = 0; row < rows; row++) sorted[row] = column.values[row * column.width + index] as number;
  sorted.sort();
  const at = (rank: number) => shortened(sorted[rank] as number);
  const edges = [...new Set(DECILES.map((tenth) => at(Math.ceil((tenth * rows) / 10) - 1)))];
  const range = [at(Math.floor(TAIL * (rows - 1))), at(Math.ceil((1 - TAIL) * (rows - 1)))] as const;
  return withShares({ edges, range, shares: new Array(edges.length + 1).fill(0) }, column, index, rows);
}

function profileTexts(column: CategoricalColumn): CoordinateProfile {
  const counts = new Float64Array(column.dictionary.length);
  for (const code of column.codes) counts[code] = (counts[code] as number) + 1;
  const values = column.dictionary
    .map((value, code) => ({ value, count: counts[code] as number }))
    .filter(({ value, count }) => count > 0 && value.length <= LONGEST_VALUE)
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, MOST_VALUES)
    .map(({ value }) => value);
  return withShares({ values, shares: new Array(values.length + 1).fill(0) }, column, 0, column.codes.length);
}

function withShares(profile: CoordinateProfile, column: Column, index: number, rows: number): CoordinateProfile {
  const counts = countBins(profile, column, index) as Float64Array;
  return { ...profile, shares: Array.from(counts, (count) => Number((count / rows).toPrecision(6))) };
}

/** The number with the fewest digits that is the same in float32. */
function shortened(value: number): number {
  for (const digits of [3, 6]) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}
