import { square } from "../../common/elementary.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { Column, Table } from "./table.ts";

/**
 * A numeric column, standardized per coordinate: (x - mean) / std. A std of 0 is replaced by 1. Both are float32 numbers,
 * as in a snapshot's graph: if the mean is large compared with the spread (a time in seconds), its last bits matter, and
 * training and prediction must agree on them.
 */
export interface NumericEncoding {
  readonly kind: "numeric";
  readonly name: string;
  readonly width: number;
  /** [width]. */
  readonly mean: readonly number[];
  /** [width], population standard deviation, above 0. */
  readonly std: readonly number[];
}

/** A text column, one-hot over the sorted values of the training rows; any other value becomes zeros. */
export interface CategoricalEncoding {
  readonly kind: "categorical";
  readonly name: string;
  readonly vocabulary: readonly string[];
}

export type ColumnEncoding = NumericEncoding | CategoricalEncoding;

/** How columns become a float32 matrix, side by side in this order. Plain JSON. */
export interface Encoding {
  readonly columns: readonly ColumnEncoding[];
  /** Width of the matrix. */
  readonly width: number;
}

/**
 * Fits an encoding on training rows.
 *
 * @param names the columns, in the order of the matrix
 * @throws UncoupleError `invalid-argument` for a missing column, `failed-precondition` for a text column with too many
 *   different values
 */
export function fitEncoding(table: Table, names: readonly string[]): Encoding {
  const columns = names.map((name) => fitColumn(name, columnOf(table, name), table.rows));
  return { columns, width: columns.reduce((sum, column) => sum + encodedWidth(column), 0) };
}

/**
 * Encodes the rows of a table.
 * @returns [rows * width], row-major
 * @throws UncoupleError `invalid-argument` for a column that is missing or has a different kind or width
 */
export function encode(encoding: Encoding, table: Table): Float32Array {
  const { width } = encoding;
  const matrix = new Float32Array(table.rows * width);
  let offset = 0;
  for (const column of encoding.columns) {
    encodeColumn(column, columnOf(table, column.name), table.rows, matrix, offset, width);
    offset += encodedWidth(column);
  }
  return matrix;
}

/** Smallest normal float32; ONNX Runtime flushes smaller numbers to 0. */
const SMALLEST_NORMAL = 2 ** -126;
/** 2 GiB of float32. */
const MAX_ONE_HOT_VALUES = 2 ** 29;

/** Number of matrix columns that a column occupies. */
function encodedWidth(column: ColumnEncoding): number {
  return column.kind === "numeric" ? column.width : column.vocabulary.length;
}

function columnOf(table: Table, name: string): Column {
  const column = table.columns[name];
  if (column === undefined) throw new UncoupleError("invalid-argument", `cannot encode column ${name}: not found`);
  return column;
}

function fitColumn(name: string, column: Column, rows: number): ColumnEncoding {
  if (column.kind === "categorical") {
    const used = new Uint8Array(column.dictionary.length);
    for (const code of column.codes) used[code] = 1;
    const vocabulary = [...new Set(column.dictionary.filter((_, code) => used[code] === 1))].sort();
    if (rows * vocabulary.length > MAX_ONE_HOT_VALUES) {
      const size = ((rows * vocabulary.length * 4) / 2 ** 30).toFixed(1);
      throw new UncoupleError(
        "failed-precondition",
        `column ${name} has ${vocabulary.length} different values in ${rows} rows, which take ${size} GiB in one-hot encoding; remove the column or group rare values in data.query`,
      );
    }
    return { kind: "categorical", name, vocabulary };
  }
  const { width, values } = column;
  const moments = Array.from({ length: width }, (_, k) => {
    let sum = 0;
    for (let i = k; i < values.length; i += width) sum += values[i] as number;
    const mean = sum / Math.max(1, rows);
    // Two passes: a one-pass sum of squares loses all digits if the mean is large compared with the spread.
    let squares = 0;
    for (let i = k; i < values.length; i += width) squares += square((values[i] as number) - mean);
    const spread = Math.sqrt(squares / Math.max(1, rows));
    // A spread below the resolution of float32 is the rounding error in the mean of a constant column.
    const varies = spread > Math.max(SMALLEST_NORMAL, 1e-9 * Math.abs(mean));
    return { mean: Math.fround(mean), std: varies ? Math.fround(spread) : 1 };
  });
  return { kind: "numeric", name, width, mean: moments.map(({ mean }) => mean), std: moments.map(({ std }) => std) };
}

function encodeColumn(
  encoding: ColumnEncoding,
  column: Column,
  rows: number,
  matrix: Float32Array,
  offset: number,
  width: number,
): void {
  if (encoding.kind !== column.kind || (encoding.kind === "numeric" && encoding.width !== column.width)) {
    throw new UncoupleError(
      "invalid-argument",
      `column ${encoding.name} is ${describe(column)}, but was ${describe(encoding)} in the training rows`,
    );
  }
  if (encoding.kind === "categorical" && column.kind === "categorical") {
    const placeOf = new Map(encoding.vocabulary.map((text, place) => [text, place]));
    const places = column.dictionary.map((text) => placeOf.get(text) ?? -1);
    const { codes } = column;
    for (let row = 0; row < rows; row++) {
      const place = places[codes[row] as number] as number;
      if (place >= 0) matrix[row * width + offset + place] = 1;
    }
  } else if (encoding.kind === "numeric" && column.kind === "numeric") {
    const { values } = column;
    for (let k = 0; k < encoding.width; k++) {
      const [mean, std] = [encoding.mean[k] as number, encoding.std[k] as number];
      let at = offset + k;
      for (let i = k; i < values.length; i += encoding.width, at += width) {
        matrix[at] = ((values[i] as number) - mean) / std;
      }
    }
  }
}

function describe(column: { readonly kind: "numeric" | "categorical"; readonly width?: number }): string {
  return column.kind === "categorical" ? "text" : `numeric, ${column.width} wide`;
}
