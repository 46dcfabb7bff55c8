import { square } from "../../common/elementary.ts";
import { UncoupleError } from "../../common/errors.ts";
import { type ColumnEncoding, columnOf, type Encoding, encodedWidth } from "../table/encoding.ts";
import type { Column, Table } from "../table/table.ts";
import { type SpilledColumn, type StoredTable, tableBlocks, withColumns } from "./stored-table.ts";

/** Smallest normal float32; ONNX Runtime flushes smaller numbers to 0. */
const SMALLEST_NORMAL = 2 ** -126;
/** 2 GiB of float32. */
const MAX_ONE_HOT_VALUES = 2 ** 29;

/** What is measured of a column, in two passes over its rows. */
interface ColumnFit {
  first(table: Table): void;
  second(table: Table): void;
  finish(): ColumnEncoding;
}

/**
 * Fits an encoding on training rows. Sums in float64 in the order of the rows, wherever they are, so that spilled rows give
 * the bits of rows in memory. (DuckDB's sums depend on the number of its threads.)
 *
 * @param names the columns, in the order of the matrix
 * @throws UncoupleError `invalid-argument` for a missing column, `failed-precondition` for a text column with too many
 *   different values
 */
export async function fitEncoding(table: StoredTable, names: readonly string[]): Promise<Encoding> {
  const read = withColumns(table, names);
  const fits = names.map((name) => {
    const column = columnOf<Column | SpilledColumn>(read, name);
    return column.kind === "numeric"
      ? fitNumbers(name, column.width, table.rows)
      : fitTexts(name, column.dictionary, table.rows);
  });
  for await (const block of tableBlocks(read)) for (const fit of fits) fit.first(block);
  for await (const block of tableBlocks(read)) for (const fit of fits) fit.second(block);
  const columns = fits.map((fit) => fit.finish());
  return { columns, width: columns.reduce((sum, column) => sum + encodedWidth(column), 0) };
}

function fitTexts(name: string, dictionary: readonly string[], rows: number): ColumnFit {
  const used = new Uint8Array(dictionary.length);
  return {
    first(table) {
      const column = columnOf(table, name);
      if (column.kind === "categorical") for (const code of column.codes) used[code] = 1;
    },
    second() {},
    finish() {
      const vocabulary = [...new Set(dictionary.filter((_, code) => used[code] === 1))].sort();
      if (rows * vocabulary.length <= MAX_ONE_HOT_VALUES) return { kind: "categorical", name, vocabulary };
      const size = ((rows * vocabulary.length * 4) / 2 ** 30).toFixed(1);
      throw new UncoupleError(
        "failed-precondition",
        `column ${name} has ${vocabulary.length} different values in ${rows} rows, which take ${size} GiB in one-hot encoding; remove the column or group rare values in data.query`,
      );
    },
  };
}

function fitNumbers(name: string, width: number, rows: number): ColumnFit {
  const sums = new Float64Array(width);
  const squares = new Float64Array(width);
  const count = Math.max(1, rows);
  const eachCoordinate = (table: Table, add: (values: Float32Array, k: number) => void): void => {
    const column = columnOf(table, name);
    if (column.kind === "numeric") for (let k = 0; k < width; k++) add(column.values, k);
  };
  return {
    first: (table) =>
      eachCoordinate(table, (values, k) => {
        let sum = sums[k] as number;
        for (let i = k; i < values.length; i += width) sum += values[i] as number;
        sums[k] = sum;
      }),
    // Two passes: a one-pass sum of squares loses all digits if the mean is large compared with the spread.
    second: (table) =>
      eachCoordinate(table, (values, k) => {
        const mean = (sums[k] as number) / count;
        let sum = squares[k] as number;
        for (let i = k; i < values.length; i += width) sum += square((values[i] as number) - mean);
        squares[k] = sum;
      }),
    finish() {
      const moments = Array.from(sums, (sum, k) => {
        const mean = sum / count;
        const spread = Math.sqrt((squares[k] as number) / count);
        // A spread below the resolution of float32 is the rounding error in the mean of a constant column.
        const varies = spread > Math.max(SMALLEST_NORMAL, 1e-9 * Math.abs(mean));
        return { mean: Math.fround(mean), std: varies ? Math.fround(spread) : 1 };
      });
      return {
        kind: "numeric",
        name,
        width,
        mean: moments.map(({ mean }) => mean),
        std: moments.map(({ std }) => std),
      };
    },
  };
}
