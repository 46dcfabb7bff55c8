import { yieldToEventLoop } from "../../common/async/yield.ts";
import type { ColumnProfile, CoordinateProfile } from "../../pipeline/column-profile.ts";
import { countBins } from "../table/column-profile.ts";
import type { CategoricalColumn, Column, NumericColumn } from "../table/table.ts";
import { type SpilledColumn, type StoredTable, tableBlocks, withColumns } from "./stored-table.ts";

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
export async function profileColumns(table: StoredTable, names: readonly string[]): Promise<ColumnProfile[]> {
  const profiles: ColumnProfile[] = [];
  let left = MOST_COORDINATES;
  for (const name of names) {
    const column = table.columns[name] as Column | SpilledColumn;
    if (column.width > left) continue;
    left -= column.width;
    const blocks = () => columnBlocks(table, name);
    const coordinates: CoordinateProfile[] = [];
    for (let index = 0; index < column.width; index++) {
      const profile =
        column.kind === "numeric"
          ? await profileNumbers(blocks, index, table.rows)
          : await profileTexts(blocks, column.dictionary);
      coordinates.push(await withShares(profile, blocks, index, table.rows));
    }
    profiles.push({ name, coordinates });
  }
  return profiles;
}

type Blocks = () => AsyncGenerator<Column>;

/** Reads the rows of a column, block by block. */
export async function* columnBlocks(table: StoredTable, name: string): AsyncGenerator<Column> {
  for await (const block of tableBlocks(withColumns(table, [name]))) {
    yield block.columns[name] as Column;
    await yieldToEventLoop();
  }
}

async function profileNumbers(blocks: Blocks, index: number, rows: number): Promise<CoordinateProfile> {
  const deciles = DECILES.map((tenth) => Math.ceil((tenth * rows) / 10) - 1);
  const tails = [Math.floor(TAIL * (rows - 1)), Math.ceil((1 - TAIL) * (rows - 1))];
  const ranked = (await valuesAt(blocks, index, [...deciles, ...tails])).map(shortened);
  const edges = [...new Set(ranked.slice(0, deciles.length))];
  const range = [ranked.at(-2) as number, ranked.at(-1) as number] as const;
  return { edges, range, shares: new Array(edges.length + 1).fill(0) };
}

const HALF_BITS = 16;
const HALVES = 1 << HALF_BITS;

/**
 * Finds the values that have these ranks among those of a coordinate, without sorting: counts the upper halves of all
 * values, and then the lower halves of those that share their upper half with one of the ranks.
 */
async function valuesAt(blocks: Blocks, index: number, ranks: readonly number[]): Promise<number[]> {
  const upper = new Float64Array(HALVES);
  await eachKey(blocks, index, (key) => {
    upper[key >>> HALF_BITS] = (upper[key >>> HALF_BITS] as number) + 1;
  });
  const found = ranks.map((rank) => placeOf(rank, upper));
  const lower = new Map(found.map(({ place }) => [place, new Float64Array(HALVES)]));
  await eachKey(blocks, index, (key) => {
    const counts = lower.get(key >>> HALF_BITS);
    if (counts !== undefined) counts[key & (HALVES - 1)] = (counts[key & (HALVES - 1)] as number) + 1;
  });
  return found.map(({ place, rest }) => {
    const low = placeOf(rest, lower.get(place) as Float64Array).place;
    return valueOfKey(place * HALVES + low);
  });
}

/** The place that has the rank, and the rank among those in this place. */
function placeOf(rank: number, counts: Float64Array): { readonly place: number; readonly rest: number } {
  let rest = rank;
  let place = 0;
  while (rest >= (counts[place] as number)) {
    rest -= counts[place] as number;
    place++;
  }
  return { place, rest };
}

/** Visits the values of a coordinate as unsigned integers in the same order. */
async function eachKey(blocks: Blocks, index: number, visit: (key: number) => void): Promise<void> {
  for await (const column of blocks()) {
    const { width, values } = column as NumericColumn;
    const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
    for (let at = index; at < bits.length; at += width) {
      const word = bits[at] as number;
      visit((word < 0 ? ~word : word ^ 0x80000000) >>> 0);
    }
  }
}

/** Undoes the key of `eachKey`. */
function valueOfKey(key: number): number {
  const word = key >= 0x80000000 ? key ^ 0x80000000 : ~key;
  return new Float32Array(Int32Array.of(word).buffer)[0] as number;
}

async function profileTexts(blocks: Blocks, dictionary: readonly string[]): Promise<CoordinateProfile> {
  const counts = new Float64Array(dictionary.length);
  for await (const column of blocks()) {
    for (const code of (column as CategoricalColumn).codes) counts[code] = (counts[code] as number) + 1;
  }
  const values = dictionary
    .map((value, code) => ({ value, count: counts[code] as number }))
    .filter(({ value, count }) => count > 0 && value.length <= LONGEST_VALUE)
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, MOST_VALUES)
    .map(({ value }) => value);
  return { values, shares: new Array(values.length + 1).fill(0) };
}

async function withShares(
  profile: CoordinateProfile,
  blocks: Blocks,
  index: number,
  rows: number,
): Promise<CoordinateProfile> {
  const counts = new Float64Array(profile.shares.length);
  for await (const column of blocks()) {
    (countBins(profile, column, index) as Float64Array).forEach((count, bin) => {
      counts[bin] = (counts[bin] as number) + count;
    });
  }
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
