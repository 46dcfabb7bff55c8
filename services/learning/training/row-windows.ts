import type { FileHandle } from "node:fs/promises";
import { inParallel } from "../../common/async/in-parallel.ts";
import { openSpill, readAt, type SpilledMatrix } from "../../data/spill/spill-file.ts";
import type { FillRows } from "./epoch-order.ts";

/** Rows of a file in the order of the batches. Calls must not overlap. */
export interface OrderedRows {
  /**
   * Returns the rows at the positions from `first` on, by column, [count * width]. If they lie in one window, they are not
   * copied: they are in shared memory, where a thread can read them, and stay there until the call after the next one.
   */
  read(first: number, count: number): Promise<RowsOfColumns>;
  close(): Promise<void>;
}

/** Rows by column, [rows * width] each. */
export type RowsOfColumns = Readonly<Record<string, Float32Array>>;

/** How much memory the rows of a training take. */
export interface WindowSizes {
  /** Bytes of the rows of a window. Three are in memory. */
  readonly windowBytes: number;
  /** Most bytes that are read at once, by each of a few reads at a time. */
  readonly readBytes: number;
  /** Bytes between two rows that are read with them, because another read takes longer. */
  readonly gapBytes: number;
}

const SIZES: WindowSizes = { windowBytes: 24 * 2 ** 20, readBytes: 2 ** 20, gapBytes: 64 * 2 ** 10 };

/** Bytes that a training on rows in a file takes. */
export const WINDOWS_BYTES = 3 * SIZES.windowBytes;

/** Rows that follow each other in the order, by column. */
interface Window {
  readonly first: number;
  readonly rows: number;
  readonly columns: RowsOfColumns;
}

/** A window that is being read. */
interface Reading {
  readonly first: number;
  readonly columns: RowsOfColumns;
  readonly window: Promise<Window>;
}

/**
 * Reads rows in the order of the batches: as many at a time as a window holds, in the order of the file, and each to its place.
 * Rows that are close to each other are read at once. The next window is read while the current one is used.
 *
 * @param matrix the columns side by side @param widths of the columns, in the order of the matrix
 * @param fill the order, epoch after epoch
 * @param to the position after the last one that will be read
 */
export async function openOrderedRows(
  matrix: SpilledMatrix,
  widths: readonly (readonly [name: string, width: number])[],
  fill: FillRows,
  to: number,
  sizes: WindowSizes = SIZES,
): Promise<OrderedRows> {
  const { path, width } = matrix;
  const rowBytes = 4 * width;
  const windowRows = Math.max(1, Math.floor(sizes.windowBytes / rowBytes));
  const readRows = Math.max(1, Math.floor(sizes.readBytes / rowBytes));
  const buffers = Array.from({ length: READS }, () => new Float32Array(width * readRows));
  const file: FileHandle = await openSpill(path, "r");
  const memories = Array.from({ length: WINDOWS }, () => columnsOf(Math.min(windowRows, to), widths));
  /** What the last call returned, and the one before it, if they were not copied. */
  let lent: RowsOfColumns | undefined;
  let lentBefore: RowsOfColumns | undefined;
  /** Windows read: one after the other, because they share the buffers. */
  let reading: Promise<unknown> = Promise.resolve();
  let current: Window | undefined;
  let next: Reading | undefined;

  async function readWindow(first: number, columns: RowsOfColumns): Promise<Window> {
    const count = Math.min(windowRows, to - first);
    const rows = new Int32Array(count);
    fill(first, rows);
    const places = sortedPlaces(rows);
    const sorted = new Int32Array(count);
    for (let at = 0; at < count; at++) sorted[at] = rows[places[at] as number] as number;
    const rowAt = (at: number) => sorted[at] as number;
    const parts: { readonly from: number; readonly end: number }[] = [];
    for (let from = 0, end = 0; from < count; from = end) {
      const start = rowAt(from);
      end = from + 1;
      // As many of the following rows as fit into one read, unless the gap before them is too large.
      while (end < count && rowAt(end) - start < readRows && (rowAt(end) - rowAt(end - 1)) * rowBytes <= sizes.gapBytes)
        end++;
      parts.push({ from, end });
    }
    const free: Float32Array[] = [...buffers];
    await inParallel(parts, READS, async ({ from, end }) => {
      const buffer = free.pop() as Float32Array;
      const start = rowAt(from);
      const values = buffer.subarray(0, (rowAt(end - 1) - start + 1) * width);
      await readAt(file, path, values, start * rowBytes);
      scatter(values, start, sorted.subarray(from, end), places.subarray(from, end), columns);
      free.push(buffer);
    });
    return { first, rows: count, columns };
  }

  /** Copies rows from a part of the file that begins with the row `start` to their places in the columns of a window. */
  function scatter(
    values: Float32Array,
    start: number,
    rows: Int32Array,
    places: Int32Array,
    columns: Window["columns"],
  ): void {
    let offset = 0;
    for (const [name, own] of widths) {
      const column = columns[name] as Float32Array;
      for (let i = 0; i < places.length; i++) {
        let from = ((rows[i] as number) - start) * width + offset;
        for (let to = (places[i] as number) * own, end = to + own; to < end; ) column[to++] = values[from++] as number;
      }
      offset += own;
    }
  }

  function startReading(first: number): Reading {
    const taken = [current?.columns, next?.columns, lent, lentBefore];
    const columns = memories.find((memory) => !taken.includes(memory)) as RowsOfColumns;
    const window = reading.then(() => readWindow(first, columns));
    reading = window.catch(() => {});
    return { first, columns, window };
  }

  /** Begins to read the window after it, too. */
  async function windowAt(first: number): Promise<Window> {
    if (current !== undefined && first >= current.first && first < current.first + current.rows) return current;
    if (next?.first !== first) {
      // A training was put back to an earlier step.
      await reading;
      next = undefined;
      current = undefined;
      next = startReading(first);
    }
    const window = await next.window;
    current = window;
    next = undefined;
    const following = first + window.rows;
    if (following < to) next = startReading(following);
    return window;
  }

  function rowsOf({ first: start, columns }: Window, first: number, count: number): RowsOfColumns {
    const place = first - start;
    return Object.fromEntries(
      widths.map(([name, own]) => [name, (columns[name] as Float32Array).subarray(place * own, (place + count) * own)]),
    );
  }

  return {
    async read(first, count) {
      lentBefore = lent;
      lent = undefined;
      const window = await windowAt(first);
      if (first + count <= window.first + window.rows) {
        lent = window.columns;
        return rowsOf(window, first, count);
      }
      const copied = Object.fromEntries(widths.map(([name, own]) => [name, new Float32Array(count * own)]));
      for (let done = 0; done < count; ) {
        const from = await windowAt(first + done);
        const part = Math.min(count - done, from.first + from.rows - first - done);
        for (const [name, values] of Object.entries(rowsOf(from, first + done, part))) {
          (copied[name] as Float32Array).set(values, (done * values.length) / part);
        }
        done += part;
      }
      return copied;
    },
    async close() {
      await reading;
      await file.close();
    },
  };
}

/** Reads of a disk at a time: as many threads as Node has for files. */
const READS = 4;
/** One that the engine may still read from, the current one, and one that is being read. */
const WINDOWS = 3;

function columnsOf(rows: number, widths: readonly (readonly [name: string, width: number])[]): RowsOfColumns {
  return Object.fromEntries(
    widths.map(([name, own]) => [name, new Float32Array(new SharedArrayBuffer(4 * rows * own))]),
  );
}

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/** The places of numbers in the order of the numbers, by a radix sort. Loops are counted: callbacks take as long as a step. */
function sortedPlaces(numbers: Int32Array): Int32Array {
  const { length } = numbers;
  let places = new Int32Array(length);
  let spare = new Int32Array(length);
  let most = 0;
  for (let i = 0; i < length; i++) {
    places[i] = i;
    most = Math.max(most, numbers[i] as number);
  }
  const starts = new Int32Array(DIGITS + 1);
  for (let shift = 0; shift < 31 && most >>> shift > 0; shift += DIGIT_BITS) {
    starts.fill(0);
    for (let i = 0; i < length; i++) {
      const digit = ((numbers[i] as number) >>> shift) & (DIGITS - 1);
      starts[digit + 1] = (starts[digit + 1] as number) + 1;
    }
    for (let digit = 0; digit < DIGITS; digit++) {
      starts[digit + 1] = (starts[digit + 1] as number) + (starts[digit] as number);
    }
    for (let i = 0; i < length; i++) {
      const place = places[i] as number;
      const digit = ((numbers[place] as number) >>> shift) & (DIGITS - 1);
      const at = starts[digit] as number;
      spare[at] = place;
      starts[digit] = at + 1;
    }
    [places, spare] = [spare, places];
  }
  return places;
}
