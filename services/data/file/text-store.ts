/** Texts by row, one after the other. Of all rows, only the last one may be put again. */
export interface TextStore {
  /** At most. */
  readonly rows: number;
  put(row: number, text: string): void;
  /** In UTF-16 code units, as are all places. */
  length(row: number): number;
  /** Of a part of a text, 32 bits. */
  hash(row: number, from: number, to: number, seed: number): number;
  /** Whether `size` code units of two texts are the same. */
  agree(a: number, fromA: number, b: number, fromB: number, size: number): boolean;
  /** Whether the Levenshtein distance of two texts is at most the limit. */
  isWithin(a: number, b: number, limit: number): boolean;
}

/** @param size code units of all texts, at most */
export function createTextStore(rows: number, size: number): TextStore {
  const units = new Uint16Array(size);
  const ends = new Uint32Array(rows);
  let previous = new Int32Array(0);
  let current = new Int32Array(0);
  const startOf = (row: number) => (row === 0 ? 0 : (ends[row - 1] as number));
  const length = (row: number) => (ends[row] as number) - startOf(row);

  /** Reuses two rows of the matrix of distances. */
  function distanceRows(columns: number): void {
    if (previous.length < columns) {
      previous = new Int32Array(2 * columns);
      current = new Int32Array(2 * columns);
    }
    for (let j = 0; j < columns; j += 1) previous[j] = j;
  }

  return {
    rows,
    put(row, text) {
      const start = startOf(row);
      for (let i = 0; i < text.length; i += 1) units[start + i] = text.charCodeAt(i);
      ends[row] = start + text.length;
    },
    length,
    hash(row, from, to, seed) {
      const start = startOf(row);
      let hash = seed;
      for (let i = start + from; i < start + to; i += 1) {
        hash = Math.imul(hash ^ (units[i] as number), 0x01000193);
        hash ^= hash >>> 15;
      }
      return hash;
    },
    agree(a, fromA, b, fromB, count) {
      const [placeA, placeB] = [startOf(a) + fromA, startOf(b) + fromB];
      for (let i = 0; i < count; i += 1) if (units[placeA + i] !== units[placeB + i]) return false;
      return true;
    },
    isWithin(a, b, limit) {
      const [startA, startB] = [startOf(a), startOf(b)];
      const [lengthA, lengthB] = [length(a), length(b)];
      if (Math.abs(lengthA - lengthB) > limit) return false;
      const width = Math.min(Math.floor(limit), lengthA + lengthB);
      distanceRows(lengthB + 1);
      for (let i = 1; i <= lengthA; i += 1) {
        // Farther from the diagonal, every distance is above the limit.
        const first = Math.max(1, i - width);
        const last = Math.min(lengthB, i + width);
        current.fill(width + 1, 0, lengthB + 1);
        if (i <= width) current[0] = i;
        let least = current[0] as number;
        for (let j = first; j <= last; j += 1) {
          const replaced = (previous[j - 1] as number) + (units[startA + i - 1] === units[startB + j - 1] ? 0 : 1);
          const cost = Math.min(replaced, (previous[j] as number) + 1, (current[j - 1] as number) + 1);
          current[j] = cost;
          least = Math.min(least, cost);
        }
        if (least > limit) return false;
        [previous, current] = [current, previous];
      }
      return (previous[lengthB] as number) <= limit;
    },
  };
}
