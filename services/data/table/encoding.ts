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

/** Number of matrix columns that a column occupies. */
export function encodedWidth(column: ColumnEncoding): number {
  return column.kind === "numeric" ? column.width : column.vocabulary.length;
}

/** @throws UncoupleError `invalid-argument` for a missing column */
export function columnOf<C>(table: { readonly columns: Readonly<Record<string, C>> }, name: string): C {
  const column = table.columns[name];
  if (column === undefined) throw new UncoupleError("invalid-argument", `cannot encode column ${name}: not found`);
  return column;
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
