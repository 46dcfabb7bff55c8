import { chainBytes, createChains } from "./chains.ts";
import { createTextStore, type TextStore } from "./text-store.ts";

/** Finds values that are near to one that was kept before. */
export interface NearDuplicates {
  /**
   * Keeps a row unless one that was kept is near: at most the distance away in every column.
   * @param values one per column
   */
  keep(values: readonly Value[]): boolean;
  /** Rows that were compared with another one so far. */
  comparisons(): number;
}

type Value = string | number;

/** A column that is compared. */
export interface ComparedColumn {
  /** UTF-16 code units of all texts together, at most; undefined: a column of numbers. */
  readonly units: number | undefined;
}

/** Kept values of a column. The last one is that of the row that is being compared. */
interface Values {
  put(row: number, value: Value): void;
  isNear(a: number, b: number): boolean;
}

/** Finds the kept rows that may be near in the first column. Never misses one that is. */
interface Blocks {
  /** Whether any of them passes the test. */
  some(row: number, test: (other: number) => boolean): boolean;
  add(row: number): void;
}

/** Bytes that `createNearDuplicates` takes for the same arguments. */
export function nearDuplicateBytes(rows: number, columns: readonly ComparedColumn[], distance: number): number {
  const values = columns.reduce((sum, { units }) => sum + (units === undefined ? 8 * rows : 2 * units + 4 * rows), 0);
  const entries = columns[0]?.units === undefined ? rows : rows * (Math.floor(distance) + 1);
  return values + 4 * rows + chainBytes(entries);
}

/**
 * Takes memory when it is made, and none later.
 * @param rows at most
 * @param distance at least 0: of texts, insertions, deletions and replacements of UTF-16 code units; of numbers, the absolute
 *   difference
 */
export function createNearDuplicates(
  rows: number,
  columns: readonly ComparedColumn[],
  distance: number,
): NearDuplicates {
  const stores = columns.map(({ units }) =>
    units === undefined ? numberValues(rows, distance) : textValues(createTextStore(rows, units), distance),
  );
  const [first] = stores as [(typeof stores)[number]];
  const blocks = first.blocks();
  /** By kept row: the last row that it was compared with, so that no pair is compared twice. */
  const seen = new Int32Array(rows);
  let count = 0;
  let kept = 0;
  let comparisons = 0;
  const isNear = (other: number) => {
    if (seen[other] === count) return false;
    seen[other] = count;
    comparisons += 1;
    return stores.every((store) => store.isNear(kept, other));
  };
  return {
    keep(values) {
      count += 1;
      stores.forEach((store, i) => {
        store.put(kept, values[i] as Value);
      });
      if (blocks.some(kept, isNear)) return false;
      blocks.add(kept);
      kept += 1;
      return true;
    },
    comparisons: () => comparisons,
  };
}

function numberValues(rows: number, distance: number): Values & { blocks(): Blocks } {
  const values = new Float64Array(rows);
  return {
    put(row, value) {
      values[row] = Number(value);
    },
    isNear: (a, b) => Math.abs((values[a] as number) - (values[b] as number)) <= distance,
    blocks: () => numberBlocks(values, distance),
  };
}

/** Cells a bit wider than the distance: what is near is in the same or the next one. */
function numberBlocks(values: Float64Array, distance: number): Blocks {
  const chains = createChains(values.length);
  const cell = new Float64Array(1);
  const bits = new Int32Array(cell.buffer);
  const cellOf = (row: number) => {
    const value = values[row] as number;
    return distance === 0 ? value : Math.floor(value / (distance * (1 + 2 ** -20)));
  };
  const hashOf = (of: number) => {
    // 0 and -0 are one cell.
    cell[0] = of + 0;
    return Math.imul((bits[0] as number) ^ Math.imul(bits[1] as number, 0x85ebca6b), 0x9e3779b1);
  };
  return {
    some(row, test) {
      const own = cellOf(row);
      // The cells next to a large one are itself.
      for (const at of new Set(distance === 0 ? [own] : [own - 1, own, own + 1])) {
        for (let other = chains.first(hashOf(at)); other >= 0; other = chains.next(other)) {
          if (cellOf(other) === at && test(other)) return true;
        }
      }
      return false;
    },
    add: (row) => chains.add(row, hashOf(cellOf(row))),
  };
}

function textValues(texts: TextStore, distance: number): Values & { blocks(): Blocks } {
  return {
    put: (row, value) => texts.put(row, String(value)),
    isNear: (a, b) => texts.isWithin(a, b, distance),
    blocks: () => textBlocks(texts, Math.floor(distance)),
  };
}

/**
 * PassJoin (Li, Deng, Wang, Feng: Pass-Join, VLDB 2011): of distance + 1 segments of a text, at least one is unchanged in every
 * text that is near, at a place that is shifted by little.
 */
function textBlocks(texts: TextStore, distance: number): Blocks {
  const parts = distance + 1;
  /** The entry `row * parts + i` is the i-th segment of a row. */
  const chains = createChains(texts.rows * parts);
  const lengths = new Set<number>();
  const startOf = (i: number, length: number) => Math.floor((i * length) / parts);
  const hashOf = (row: number, from: number, to: number, i: number, length: number) =>
    texts.hash(row, from, to, Math.imul(i, 0x85ebca6b) ^ length);
  return {
    some(row, test) {
      const own = texts.length(row);
      for (let length = Math.max(0, own - distance); length <= own + distance; length += 1) {
        if (!lengths.has(length)) continue;
        const longer = own - length;
        for (let i = 0; i < parts; i += 1) {
          const start = startOf(i, length);
          const size = startOf(i + 1, length) - start;
          const first = Math.max(0, start - Math.floor((distance - longer) / 2));
          const last = Math.min(own - size, start + Math.floor((distance + longer) / 2));
          for (let from = first; from <= last; from += 1) {
            const hash = hashOf(row, from, from + size, i, length);
            for (let entry = chains.first(hash); entry >= 0; entry = chains.next(entry)) {
              if (entry % parts !== i) continue;
              const other = (entry - i) / parts;
              if (texts.length(other) !== length || !texts.agree(row, from, other, start, size)) continue;
              if (test(other)) return true;
            }
          }
        }
      }
      return false;
    },
    add(row) {
      const length = texts.length(row);
      lengths.add(length);
      for (let i = 0; i < parts; i += 1) {
        chains.add(row * parts + i, hashOf(row, startOf(i, length), startOf(i + 1, length), i, length));
      }
    },
  };
}
