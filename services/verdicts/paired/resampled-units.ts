import { yieldToEventLoop } from "../../common/async/yield.ts";
import { type RandomBits, randomClasses } from "../../common/random-weights.ts";
import { type Grouping, type PairedSample, type UnitSums, unitMoments, unitSums } from "./sample.ts";
import type { DrawShared } from "./shared-weights.ts";

/** Beyond this many units, resampling works on sums over at most this many random classes of units. */
const MOST_CLASSES = 2500;

/**
 * The mean of the differences where rows are independent, or where groups of them are (the cluster bootstrap).
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
  drawShared: DrawShared,
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
      return drawShared(random, classSums(sums, random), count);
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
