/** Finds values that are near to one that was kept before. */
export interface NearDuplicates {
  /**
   * Keeps a row unless one that was kept is near: at most the distance away in every column.
   * @param values one per column, as in `kinds`
   */
  keep(values: readonly Value[]): boolean;
  /** Rows that were compared with another one so far. */
  comparisons(): number;
}

type Value = string | number;

/** Finds the numbers of kept rows that may be near in the first column. Never misses one that is. */
interface Blocks {
  candidates(value: Value): Iterable<number>;
  add(value: Value, row: number): void;
}

/**
 * @param distance at least 0: of texts, insertions, deletions and replacements of UTF-16 code units; of numbers, the absolute
 *   difference
 * @param text whether the first column has texts
 */
export function createNearDuplicates(distance: number, text: boolean): NearDuplicates {
  const blocks = text ? textBlocks(Math.floor(distance)) : numberBlocks(distance);
  const kept: (readonly Value[])[] = [];
  /** By kept row: the last row that it was compared with, so that no pair is compared twice. */
  const seen: number[] = [];
  let rows = 0;
  let comparisons = 0;
  const isNear = (a: Value, b: Value) =>
    typeof a === "string" ? isWithin(a, b as string, distance) : Math.abs(a - (b as number)) <= distance;
  return {
    keep(values) {
      rows += 1;
      for (const other of blocks.candidates(values[0] as Value)) {
        if (seen[other] === rows) continue;
        seen[other] = rows;
        comparisons += 1;
        if (values.every((value, i) => isNear(value, kept[other]?.[i] as Value))) return false;
      }
      blocks.add(values[0] as Value, kept.length);
      kept.push(values);
      seen.push(0);
      return true;
    },
    comparisons: () => comparisons,
  };
}

/** Cells a bit wider than the distance: what is near is in the same or the next one. */
function numberBlocks(distance: number): Blocks {
  const cells = new Map<number, number[]>();
  const cellOf = (value: Value) =>
    distance === 0 ? Number(value) : Math.floor(Number(value) / (distance * (1 + 2 ** -20)));
  return {
    *candidates(value) {
      const cell = cellOf(value);
      yield* cells.get(cell) ?? [];
      if (distance === 0) return;
      for (const next of [cell - 1, cell + 1]) if (next !== cell) yield* cells.get(next) ?? [];
    },
    add: (value, row) => append(cells, cellOf(value), row),
  };
}

/**
 * PassJoin (Li, Deng, Wang, Feng: Pass-Join, VLDB 2011): of distance + 1 segments of a text, at least one is unchanged in every
 * text that is near, at a place that is shifted by little.
 */
function textBlocks(distance: number): Blocks {
  /** By length, then by segment: the kept rows with its text. */
  const lengths = new Map<number, Map<string, number[]>[]>();
  const segments = new Map<number, readonly { readonly from: number; readonly length: number }[]>();
  const segmentsOf = (length: number) => {
    let found = segments.get(length);
    if (found === undefined) {
      const bounds = Array.from({ length: distance + 2 }, (_, i) => Math.floor((i * length) / (distance + 1)));
      found = bounds.slice(0, -1).map((from, i) => ({ from, length: (bounds[i + 1] as number) - from }));
      segments.set(length, found);
    }
    return found;
  };
  return {
    *candidates(value) {
      const text = String(value);
      for (let length = Math.max(0, text.length - distance); length <= text.length + distance; length += 1) {
        const index = lengths.get(length);
        if (index === undefined) continue;
        const longer = text.length - length;
        for (const [i, segment] of segmentsOf(length).entries()) {
          const first = Math.max(0, segment.from - Math.floor((distance - longer) / 2));
          const last = Math.min(text.length - segment.length, segment.from + Math.floor((distance + longer) / 2));
          for (let from = first; from <= last; from += 1) {
            yield* index[i]?.get(text.slice(from, from + segment.length)) ?? [];
          }
        }
      }
    },
    add(value, row) {
      const text = String(value);
      let index = lengths.get(text.length);
      if (index === undefined) {
        index = segmentsOf(text.length).map(() => new Map<string, number[]>());
        lengths.set(text.length, index);
      }
      for (const [i, { from, length }] of segmentsOf(text.length).entries()) {
        append(index[i] as Map<string, number[]>, text.slice(from, from + length), row);
      }
    },
  };
}

function append<K>(lists: Map<K, number[]>, key: K, row: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [row]);
  else list.push(row);
}

/** Whether the Levenshtein distance of two texts is at most the limit. */
function isWithin(a: string, b: string, limit: number): boolean {
  if (a === b) return true;
  if (Math.abs(a.length - b.length) > limit) return false;
  const width = Math.floor(limit);
  let previous = Int32Array.from({ length: b.length + 1 }, (_, j) => j);
  let current = new Int32Array(b.length + 1);
  for (let i = 1; i <= a.length; i += 1) {
    // Farther from the diagonal, every distance is above the limit.
    const first = Math.max(1, i - width);
    const last = Math.min(b.length, i + width);
    current.fill(width + 1);
    if (i <= width) current[0] = i;
    let least = current[0] as number;
    for (let j = first; j <= last; j += 1) {
      const replaced = (previous[j - 1] as number) + (a.charCodeAt(i - 1) === b.charCodeAt(j - 1) ? 0 : 1);
      const cost = Math.min(replaced, (previous[j] as number) + 1, (current[j - 1] as number) + 1);
      current[j] = cost;
      least = Math.min(least, cost);
    }
    if (least > limit) return false;
    [previous, current] = [current, previous];
  }
  return (previous[b.length] as number) <= limit;
}
