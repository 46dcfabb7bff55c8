import { yieldToEventLoop } from "../../common/async/yield.ts";
import { drawWeights, type RandomBits, randomClasses } from "./random-weights.ts";
import { type Grouping, type PairedSample, type UnitSums, unitMoments, unitSums } from "./sample.ts";

/** Beyond this many units, resampling works on sums over at most this many random classes of units. */
const MOST_CLASSES = 2500;
/** Weights drawn before yielding to the event loop: a few milliseconds. */
export const DRAWS_PER_TURN = 500_000;

/**
 * The mean of the differences where rows are independent, or where groups of them are (the cluster bootstrap). With w the
 * weights of a resample, S and n the sums and sizes of its units: m = sum w S / sum w n and v = sum w (S - m n)^2 /
 * (sum w n)^2, of which a unit per row is the special case n = 1.
 *
 * Random classes of units are as independent as units, and the mean over them has the same variance and skewness; the
 * cost is at most 5 x 10^6 weights for any number of rows.
 *
 * @param residuals differences minus their mean, by row
 */
export async function sampleUnits(
  mean: number,
  residuals: Float64Array,
  grouping: Grouping | undefined,
  random: RandomBits,
): Promise<PairedSample> {
  const rows = residuals.length;
  const sums = unitSums(residuals, grouping?.codes, grouping?.count ?? rows);
  const units = sums.residuals.length;
  await yieldToEventLoop();
  const { squares, skewness } = unitMoments(sums, rows);
  return {
    mean,
    units,
    standardError: Math.sqrt((squares * units) / (units - 1)) / rows,
    skewness,
    async resample(count) {
      const classes = classSums(sums, random);
      await yieldToEventLoop();
      return studentize(classes, count, random);
    },
  };
}

function classSums({ residuals, sizes }: UnitSums, random: RandomBits): UnitSums {
  if (residuals.length <= MOST_CLASSES) return { residuals, sizes };
  const classOf = randomClasses(residuals.length, MOST_CLASSES, random);
  const sums = new Float64Array(MOST_CLASSES);
  const counts = new Float64Array(MOST_CLASSES);
  for (let unit = 0; unit < residuals.length; unit++) {
    const at = classOf[unit] as number;
    sums[at] = (sums[at] as number) + (residuals[unit] as number);
    counts[at] = (counts[at] as number) + (sizes[unit] as number);
  }
  return { residuals: sums, sizes: counts };
}

async function studentize({ residuals, sizes }: UnitSums, count: number, random: RandomBits): Promise<Float64Array> {
  const units = residuals.length;
  // Interleaved, so that a unit's five numbers lie together: e, n, e^2, e n, n^2.
  const terms = new Float64Array(5 * units);
  for (let unit = 0; unit < units; unit++) {
    const e = residuals[unit] as number;
    const n = sizes[unit] as number;
    terms.set([e, n, e * e, e * n, n * n], 5 * unit);
  }
  const weights = new Uint8Array(units);
  const studentized = new Float64Array(count);
  const perTurn = Math.max(1, Math.floor(DRAWS_PER_TURN / units));
  for (let drawn = 0; drawn < count; ) {
    drawWeights(weights, random);
    let sum = 0;
    let size = 0;
    let squares = 0;
    let products = 0;
    let sizeSquares = 0;
    for (let unit = 0, at = 0; unit < units; unit++, at += 5) {
      const weight = weights[unit] as number;
      sum += weight * (terms[at] as number);
      size += weight * (terms[at + 1] as number);
      squares += weight * (terms[at + 2] as number);
      products += weight * (terms[at + 3] as number);
      sizeSquares += weight * (terms[at + 4] as number);
    }
    // All weights 0: possible with a handful of units only; such a resample does not exist.
    if (size === 0) continue;
    const shift = sum / size;
    const variance = Math.max(0, squares - 2 * shift * products + shift * shift * sizeSquares);
    studentized[drawn] = shift === 0 ? 0 : (shift * size) / Math.sqrt(variance);
    drawn += 1;
    if (drawn % perTurn === 0) await yieldToEventLoop();
  }
  return studentized.sort();
}
