/**
 * Columns of examples, held as flat arrays.
 */

/** `values[row * width + coordinate]`, all finite. The width of a vector column is greater than 1. */
export interface NumericColumn {
  readonly kind: "numeric";
  readonly width: number;
  readonly values: Float32Array;
}

/** Dictionary-encoded strings: the value of a row is `dictionary[codes[row]]`. */
export interface CategoricalColumn {
  readonly kind: "categorical";
  readonly width: 1;
  readonly codes: Int32Array;
  readonly dictionary: readonly string[];
}

export type Column = NumericColumn | CategoricalColumn;

export interface Table {
  readonly rows: number;
  readonly columns: Readonly<Record<string, Column>>;
}

export interface ColumnSchema {
  readonly name: string;
  readonly kind: "numeric" | "categorical";
  readonly width: number;
}
