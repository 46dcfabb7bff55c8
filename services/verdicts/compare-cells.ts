import { seedOf } from "../common/random-weights.ts";
import { compositionKey } from "../pipeline/composition-key.ts";
import type { Composition, MatrixCell, PipelineMatrix } from "../pipeline/verdict.ts";
import { compareFamily, FAMILY_METHOD, type FamilyMember, familyMember } from "./paired/compare-family.ts";
import type { ComparisonSettings } from "./paired/compare-losses.ts";

export interface CellDeps {
  /** The part of a composition that its pipeline loss depends on; undefined if a component has no snapshot. */
  chosenOf(composition: Composition): Composition | undefined;
  /** @returns the pipeline loss of every row, [rows]; undefined if it cannot be measured */
  rowLosses(composition: Composition): Promise<Float64Array | undefined>;
  readonly settings: Omit<ComparisonSettings, "seed" | "drawShared">;
  readonly signal: AbortSignal;
}

/**
 * Adds to each cell its paired difference to the composition in use. All cells of all edges are one family
 * (`compareFamily`), in which a composition that belongs to several edges counts once.
 *
 * @param current the composition in use, at which each cell has all other components
 */
export async function compareCells(
  matrices: readonly PipelineMatrix[],
  current: Composition,
  { chosenOf, rowLosses, settings, signal }: CellDeps,
): Promise<readonly PipelineMatrix[]> {
  const chosen = chosenOf(current);
  const present = chosen && (await rowLosses(chosen));
  const seed = seedOf("matrix");
  const keyOf = (composition: Composition) => compositionKey("", composition);
  const compositionOf = ({ upstream, downstream }: PipelineMatrix, cell: MatrixCell) =>
    chosenOf({ ...current, [upstream]: cell.upstreamSerial, [downstream]: cell.downstreamSerial });
  const members = new Map<string, FamilyMember>();
  for (const matrix of present === undefined ? [] : matrices) {
    for (const cell of matrix.cells) {
      const composition = compositionOf(matrix, cell);
      if (composition === undefined || members.has(keyOf(composition))) continue;
      if (chosen !== undefined && keyOf(composition) === keyOf(chosen)) continue;
      signal.throwIfAborted();
      const candidate = await rowLosses(composition);
      const member = present && candidate && (await familyMember(present, candidate, { ...settings, seed }));
      if (member !== undefined) members.set(keyOf(composition), member);
    }
  }
  const compared = compareFamily([...members.values()], settings);
  const comparisons = new Map([...members.keys()].map((key, i) => [key, compared[i]]));
  const withComparison = (matrix: PipelineMatrix, cell: MatrixCell): MatrixCell => {
    const composition = compositionOf(matrix, cell);
    const found = composition && comparisons.get(keyOf(composition));
    if (found === undefined) return cell;
    const { kind, reason, difference, relative, interval, level } = found;
    const comparison = { kind, ...(reason !== undefined && { reason }), difference, relative, interval, level };
    return { ...cell, comparison };
  };
  const intervals = { method: FAMILY_METHOD, level: settings.level, compared: members.size };
  return matrices.map((matrix) => ({
    ...matrix,
    cells: matrix.cells.map((cell) => withComparison(matrix, cell)),
    intervals,
  }));
}
