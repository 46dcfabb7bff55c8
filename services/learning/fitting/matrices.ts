import { dirname } from "node:path";
import {
  isSpilledMatrix,
  type Matrix,
  mapRows,
  matrixBlocks,
  type RowMatrix,
  rowsOf,
  spillMatrix,
} from "../dataset/row-matrix.ts";

/** As `concatColumns`, of matrices that may be spilled. */
export function joinedColumns(...given: readonly (RowMatrix | undefined)[]): Promise<RowMatrix> {
  return mapRows(
    given.filter((part) => part !== undefined),
    (block) => concatColumns(...block),
  );
}

/** Concatenates the columns of matrices with the same rows, in order. Skips absent matrices. */
export function concatColumns(...given: readonly (Matrix | undefined)[]): Matrix {
  const parts = given.filter((part) => part !== undefined);
  const width = parts.reduce((sum, part) => sum + part.width, 0);
  const rows = parts[0] === undefined ? 0 : rowsOf(parts[0]);
  const values = new Float32Array(rows * width);
  let offset = 0;
  for (const part of parts) {
    for (let row = 0; row < rows; row++) {
      values.set(part.values.subarray(row * part.width, (row + 1) * part.width), row * width + offset);
    }
    offset += part.width;
  }
  return { width, values };
}

/** Concatenates the rows of matrices with the same columns, in order. */
export async function concatRows(parts: readonly RowMatrix[]): Promise<RowMatrix> {
  const spilled = parts.find(isSpilledMatrix);
  if (spilled === undefined) return stackRows(parts as readonly Matrix[]);
  return spillMatrix(dirname(spilled.path), async function* () {
    for (const part of parts) for await (const { block } of matrixBlocks([part])) yield block[0];
  });
}

function stackRows(parts: readonly Matrix[]): Matrix {
  const values = new Float32Array(parts.reduce((sum, part) => sum + part.values.length, 0));
  let offset = 0;
  for (const part of parts) {
    values.set(part.values, offset);
    offset += part.values.length;
  }
  return { width: (parts[0] as Matrix).width, values };
}

export function add(a: Matrix, b: Matrix): Matrix {
  return { width: a.width, values: a.values.map((value, i) => value + (b.values[i] as number)) };
}

export function subtract(a: Matrix, b: Matrix): Matrix {
  return { width: a.width, values: a.values.map((value, i) => value - (b.values[i] as number)) };
}

export function selectRows({ width, values }: Matrix, wanted: (row: number) => boolean): Matrix {
  const selected: number[] = [];
  for (let row = 0; row < values.length / width; row++) if (wanted(row)) selected.push(row);
  const result = new Float32Array(selected.length * width);
  selected.forEach((row, i) => {
    result.set(values.subarray(row * width, (row + 1) * width), i * width);
  });
  return { width, values: result };
}

export function selectColumns({ width, values }: Matrix, wanted: readonly number[]): Matrix {
  const result = new Float32Array((values.length / width) * wanted.length);
  for (let i = 0; i < result.length; i++) {
    const row = Math.floor(i / wanted.length);
    result[i] = values[row * width + (wanted[i % wanted.length] as number)] as number;
  }
  return { width: wanted.length, values: result };
}

/** Values of some columns of a matrix. */
export interface ColumnBlock {
  readonly columns: readonly number[];
  /** As wide as there are columns. */
  readonly of: Matrix;
}

/** The matrix whose columns are those of the blocks, which together name each once. */
export function joinColumns(width: number, blocks: readonly ColumnBlock[]): Matrix {
  const rows = blocks[0] === undefined ? 0 : rowsOf(blocks[0].of);
  const values = new Float32Array(rows * width);
  for (const { columns, of } of blocks) {
    of.values.forEach((value, i) => {
      const row = Math.floor(i / of.width);
      values[row * width + (columns[i % of.width] as number)] = value;
    });
  }
  return { width, values };
}
