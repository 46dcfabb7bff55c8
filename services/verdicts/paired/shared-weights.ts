import type { RandomBits } from "../../common/random-weights.ts";
import { TERMS } from "./poisson-kernels.ts";
import { PoissonResamples } from "./poisson-resamples.ts";
import type { UnitSums } from "./sample.ts";

/**
 * Studentizes the mean of units in `count` resamples with Poisson weights. With w the weights of a resample, S and n the
 * sums and sizes of its units: m = sum w S / sum w n and v = sum w (S - m n)^2 / (sum w n)^2, of which a unit per row is
 * the special case n = 1.
 *
 * Comparisons on the same rows with the same seed have the same weights, which are drawn once if such comparisons follow
 * one another.
 *
 * @param random where the weights come from
 * @returns the studentized means, ascending; infinite for a resample without variance
 */
export type DrawShared = (random: RandomBits, units: UnitSums, count: number) => Promise<Float64Array>;

/** The weights that were drawn last. */
interface Drawn {
  readonly before: number;
  readonly after: number;
  readonly sizes: Float64Array;
  /** [count, 2]: weighted sums of the units' sizes, never 0, and of their squares. */
  readonly sizeSums: Float64Array;
}

/** Keeps the weights that were drawn last, and their memory for the next ones: 2.6 MB for 2500 units and 2000 resamples. */
export function createSharedWeights(): DrawShared {
  let resamples: PoissonResamples | undefined;
  let last: Drawn | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  async function drawnFor(from: PoissonResamples, before: number, sizes: Float64Array, count: number): Promise<Drawn> {
    if (last?.before === before && last.sizeSums.length === 2 * count && areEqual(last.sizes, sizes)) return last;
    last = undefined;
    const after = await from.draw(before, sizes, count);
    const sums = await from.sum((terms, unit, at) => {
      const size = sizes[unit] as number;
      terms[at] = size;
      terms[at + 1] = size * size;
    });
    const sizeSums = new Float64Array(2 * count);
    for (let resample = 0; resample < count; resample++) {
      sizeSums[2 * resample] = sums[TERMS * resample] as number;
      sizeSums[2 * resample + 1] = sums[TERMS * resample + 1] as number;
    }
    last = { before, after, sizes, sizeSums };
    return last;
  }

  async function studentized(random: RandomBits, { residuals, sizes }: UnitSums, count: number): Promise<Float64Array> {
    resamples ??= new PoissonResamples();
    const { after, sizeSums } = await drawnFor(resamples, random.state, sizes, count);
    random.state = after;
    const sums = await resamples.sum((terms, unit, at) => {
      const value = residuals[unit] as number;
      terms[at] = value;
      terms[at + 1] = value * value;
      terms[at + 2] = value * (sizes[unit] as number);
    });
    return studentize(sums, sizeSums);
  }

  return (random, units, count) => {
    const result = turn.then(() => studentized(random, units, count));
    turn = result.catch(() => {});
    return result;
  };
}

/** @param sums [count, 4]: of values, their squares, and their products with sizes @returns [count], ascending */
function studentize(sums: Float64Array, sizeSums: Float64Array): Float64Array {
  const studentized = new Float64Array(sizeSums.length / 2);
  for (let resample = 0; resample < studentized.length; resample++) {
    const size = sizeSums[2 * resample] as number;
    const sizeSquares = sizeSums[2 * resample + 1] as number;
    const shift = (sums[TERMS * resample] as number) / size;
    const squares = sums[TERMS * resample + 1] as number;
    const products = sums[TERMS * resample + 2] as number;
    const variance = Math.max(0, squares - 2 * shift * products + shift * shift * sizeSquares);
    studentized[resample] = shift === 0 ? 0 : (shift * size) / Math.sqrt(variance);
  }
  return studentized.sort();
}

function areEqual(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
