import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { SpilledMatrix } from "../../data/spill/spill-file.ts";
import type { TrainingProgram } from "../../engine/interface/program.ts";
import { isSpilledMatrix, type Matrix, matrixBlocks, type RowMatrix, spillMatrix } from "../dataset/row-matrix.ts";

/** The columns that a training reads, by name: in memory, [rows * width] each, or in a file. */
export type TrainingColumns = Readonly<Record<string, Float32Array>> | SpilledColumns;

/** The columns of a training, of which at least one is in a file. */
export class SpilledColumns {
  readonly matrices: Readonly<Record<string, RowMatrix>>;
  /** Where `join` writes. */
  readonly folder: string;
  private joining: Promise<SpilledMatrix> | undefined;

  /**
   * @param matrices with the same rows, at least one of them spilled
   * @param folder default: that of the spilled ones
   */
  constructor(matrices: Readonly<Record<string, RowMatrix>>, folder?: string) {
    this.matrices = matrices;
    this.folder = folder ?? dirname((Object.values(matrices).find(isSpilledMatrix) as SpilledMatrix).path);
  }

  /** Widths by name, in the order of `join`. */
  get widths(): readonly (readonly [name: string, width: number])[] {
    return Object.entries(this.matrices).map(([name, { width }]) => [name, width]);
  }

  /**
   * Writes the columns side by side into one file, the first time, so that a row is in one place.
   * @param onBlock called for each block of rows that is written
   */
  join(onBlock: () => void = () => {}): Promise<SpilledMatrix> {
    this.joining ??= joinMatrices(Object.values(this.matrices), this.folder, onBlock);
    return this.joining;
  }

  /** Removes what `join` wrote. No training may read it any more. */
  async removeJoined(): Promise<void> {
    const joined = await this.joining?.catch(() => undefined);
    this.joining = undefined;
    if (joined !== undefined) await rm(joined.path, { force: true });
  }
}

/** The columns of a training: in memory if all matrices are. */
export function trainingColumns(matrices: Readonly<Record<string, RowMatrix>>): TrainingColumns {
  const named = Object.entries(matrices);
  const inMemory = named.filter((entry): entry is [string, Matrix] => !isSpilledMatrix(entry[1]));
  if (inMemory.length < named.length) return new SpilledColumns(matrices);
  return Object.fromEntries(inMemory.map(([name, { values }]) => [name, values]));
}

function joinMatrices(parts: readonly RowMatrix[], folder: string, onBlock: () => void): Promise<SpilledMatrix> {
  return spillMatrix(folder, async function* () {
    for await (const { block } of matrixBlocks(parts)) {
      yield sideBySide(block);
      onBlock();
    }
  });
}

function sideBySide(parts: readonly Matrix[]): Matrix {
  const width = parts.reduce((sum, part) => sum + part.width, 0);
  const rows = (parts[0] as Matrix).values.length / (parts[0] as Matrix).width;
  const values = new Float32Array(rows * width);
  let offset = 0;
  for (const { width: own, values: given } of parts) {
    for (let row = 0, to = offset, at = 0; row < rows; row++, to += width) {
      for (let k = 0; k < own; k++) values[to + k] = given[at++] as number;
    }
    offset += own;
  }
  return { width, values };
}

/** The program that gets the rows of its batches with each chunk instead of keeping all rows resident. The bits are the same. */
export function streamedProgram(program: TrainingProgram): TrainingProgram {
  const { resident, feeds } = program;
  return { ...program, resident: {}, feeds: { ...resident, ...feeds }, streamed: Object.keys(resident) };
}
