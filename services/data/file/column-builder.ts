import { DuckDBArrayVector, DuckDBFloatVector, DuckDBVarCharVector, type DuckDBVector } from "@duckdb/node-api";
import { UncoupleError } from "../../common/errors.ts";
import type { CategoricalColumn, Column, ColumnSchema } from "../table/table.ts";

/** Collects the values of a column, chunk by chunk, into a typed array that grows by doubling. */
export interface ColumnBuilder {
  /** Appends the values of the given rows of the vector, which must not be null. */
  append(vector: DuckDBVector, rows: readonly number[]): void;
  /** Returns the column of all values since the last call. */
  take(): Column;
}

/** Collects the values of a column of texts. */
export interface LabelBuilder extends ColumnBuilder {
  /** With the texts of all values since the start, so that a text keeps its code. */
  take(): CategoricalColumn;
}

const FIRST_ROWS = 2048;

export function createColumnBuilder(schema: ColumnSchema): ColumnBuilder {
  return schema.kind === "numeric" ? numericBuilder(schema.width) : createLabelBuilder();
}

function numericBuilder(width: number): ColumnBuilder {
  let values = new Float32Array(FIRST_ROWS * width);
  let length = 0;
  return {
    append(vector, rows) {
      const needed = length + rows.length * width;
      if (needed > values.length) values = copied(values, new Float32Array(Math.max(needed, 2 * values.length)));
      if (vector instanceof DuckDBFloatVector) {
        for (const row of rows) {
          values[length] = vector.getItem(row) as number;
          length += 1;
        }
      } else if (vector instanceof DuckDBArrayVector) {
        for (const row of rows) {
          const items = vector.getItem(row)?.items as readonly number[];
          for (let i = 0; i < width; i += 1) values[length + i] = items[i] as number;
          length += width;
        }
      } else {
        throw unexpected(vector);
      }
    },
    take() {
      const taken = values.slice(0, length);
      length = 0;
      return { kind: "numeric", width, values: taken };
    },
  };
}

export function createLabelBuilder(): LabelBuilder {
  let codes = new Int32Array(FIRST_ROWS);
  let length = 0;
  const codeOf = new Map<string, number>();
  return {
    append(vector, rows) {
      if (!(vector instanceof DuckDBVarCharVector)) throw unexpected(vector);
      const needed = length + rows.length;
      if (needed > codes.length) codes = copied(codes, new Int32Array(Math.max(needed, 2 * codes.length)));
      for (const row of rows) {
        const text = vector.getItem(row) as string;
        let code = codeOf.get(text);
        if (code === undefined) {
          code = codeOf.size;
          codeOf.set(text, code);
        }
        codes[length] = code;
        length += 1;
      }
    },
    take() {
      const taken = codes.slice(0, length);
      length = 0;
      return { kind: "categorical", width: 1, codes: taken, dictionary: [...codeOf.keys()] };
    },
  };
}

function copied<T extends Float32Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function unexpected(vector: DuckDBVector): UncoupleError {
  return new UncoupleError("internal", `cannot read a column of DuckDB type ${vector.type.toString()}`);
}
