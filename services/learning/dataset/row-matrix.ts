import { dirname } from "node:path";
import { yieldToEventLoop } from "../../common/async/yield.ts";
import { SPILL_BLOCK_ROWS, type SpilledMatrix, spilledBlocks, writeSpill } from "../../data/spill/spill-file.ts";
import { spillPath } from "../../data/spill/spill-folder.ts";

/** A row-major matrix in memory. */
export interface Matrix {
  readonly width: number;
  /** [rows * width]. */
  readonly values: Float32Array;
}

/** A matrix of training rows: in memory, or in a file if the rows exceed their share of memory. */
export type RowMatrix = Matrix | SpilledMatrix;

/** What is computed of matrices: in memory, if all of them are known to be. */
export type Mapped<M extends RowMatrix> = M extends Matrix ? Matrix : RowMatrix;

export function isSpilledMatrix(matrix: RowMatrix): matrix is SpilledMatrix {
  return "path" in matrix;
}

export function rowsOf(matrix: RowMatrix): number {
  return isSpilledMatrix(matrix) ? matrix.rows : matrix.values.length / matrix.width;
}

/**
 * Reads blocks of rows of matrices with equal rows, in order. If none is spilled, the only block is the matrices themselves.
 * @returns the blocks, with the number of their first row
 */
export async function* matrixBlocks<const M extends readonly RowMatrix[]>(
  matrices: M,
): AsyncGenerator<{ readonly from: number; readonly block: { readonly [K in keyof M]: Matrix } }> {
  type Block = { readonly [K in keyof M]: Matrix };
  if (!matrices.some(isSpilledMatrix)) {
    yield { from: 0, block: matrices as unknown as Block };
    return;
  }
  const rows = rowsOf(matrices[0] as RowMatrix);
  const readers = matrices.map((matrix) => (isSpilledMatrix(matrix) ? spilledBlocks(matrix) : memoryBlocks(matrix)));
  try {
    for (let from = 0; from < rows; from += SPILL_BLOCK_ROWS) {
      const block: Matrix[] = [];
      for (const [index, reader] of readers.entries()) {
        const { value } = await reader.next();
        block.push({ width: (matrices[index] as RowMatrix).width, values: value as Float32Array });
      }
      yield { from, block: block as unknown as Block };
      await yieldToEventLoop();
    }
  } finally {
    for (const reader of readers) await reader.return(undefined);
  }
}

async function* memoryBlocks({ width, values }: Matrix): AsyncGenerator<Float32Array> {
  const length = width * SPILL_BLOCK_ROWS;
  for (let from = 0; from < values.length; from += length) yield values.subarray(from, from + length);
}

/**
 * Computes a matrix from the rows of others. If any of them is spilled, so is the result, beside it, and `compute` sees a
 * block of rows at a time: what it computes of a row must depend on that row alone.
 *
 * @param compute also gets the number of the block's first row
 */
export async function mapRows<const M extends readonly RowMatrix[]>(
  matrices: M,
  compute: (block: { readonly [K in keyof M]: Matrix }, from: number) => Matrix | Promise<Matrix>,
): Promise<Mapped<M[number]>> {
  const spilled = matrices.find(isSpilledMatrix);
  if (spilled === undefined) {
    return compute(matrices as unknown as { readonly [K in keyof M]: Matrix }, 0) as Promise<Mapped<M[number]>>;
  }
  return spillMatrix(dirname(spilled.path), async function* () {
    for await (const { block, from } of matrixBlocks(matrices)) yield compute(block, from);
  }) as Promise<Mapped<M[number]>>;
}

/** Writes a matrix to a file, block by block. @param blocks at least one */
export async function spillMatrix(folder: string, blocks: () => AsyncGenerator<Matrix>): Promise<SpilledMatrix> {
  const path = spillPath(folder);
  const writer = await writeSpill(path);
  try {
    let width = 0;
    for await (const block of blocks()) {
      width = block.width;
      await writer.append(block.values);
    }
    return { path, width, rows: (await writer.finish()) / width };
  } finally {
    await writer.finish();
  }
}
