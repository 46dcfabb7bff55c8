import { square } from "../../common/elementary.ts";
import { createRandomBits, drawWeights, randomClasses } from "../../common/random-weights.ts";
import { quantile } from "../../common/statistics.ts";
import { createRandom } from "../../data/random/random.ts";

/** A difference in units of the loss, with its 95 % interval. */
export interface Estimate {
  readonly value: number;
  readonly interval: readonly [low: number, high: number];
}

/** @param samples the value, and then those of the resamples, whose percentiles are the interval */
export function estimate(samples: Float64Array): Estimate {
  const sorted = samples.slice(1).sort();
  return { value: samples[0] as number, interval: [quantile(sorted, 0.025), quantile(sorted, 0.975)] };
}

/** Enough for the tails of 2.5 %. */
const RESAMPLES = 2000;
/** Beyond so many rows or groups, resampling works on sums over random classes of them. */
const MOST_UNITS = 2500;

/** Which rows belong together: the group of each row, from 0 to `count` - 1. */
export interface RowGroups {
  readonly codes: Int32Array;
  readonly count: number;
}

/**
 * Means over resamples of the held-out rows: for each of the row losses, the mean over all rows and then the means of
 * 2,000 resamples. A resample draws a Poisson(1) weight for every row or group, the same one for all losses.
 *
 * @param losses each [rows]; at least one row @returns for each of the losses [1 + resamples]
 */
export function resampledMeans(losses: readonly Float64Array[], groups?: RowGroups): readonly Float64Array[] {
  const rows = (losses[0] as Float64Array).length;
  const random = createRandomBits(1);
  const { unitOf, units } = unitsOf(rows, groups);
  const terms = losses.length + 1;
  // [units, terms]: the sums of the losses, and the number of rows.
  const sums = new Float64Array(units * terms);
  for (let row = 0; row < rows; row++) {
    const at = (unitOf?.[row] ?? row) * terms;
    losses.forEach((values, i) => {
      sums[at + i] = (sums[at + i] as number) + (values[row] as number);
    });
    sums[at + losses.length] = (sums[at + losses.length] as number) + 1;
  }
  const means = losses.map(() => new Float64Array(1 + RESAMPLES));
  const weights = new Uint8Array(units).fill(1);
  const total = new Float64Array(terms);
  for (let resample = 0; resample <= RESAMPLES; ) {
    if (resample > 0) drawWeights(weights, random);
    total.fill(0);
    for (let unit = 0; unit < units; unit++) {
      const weight = weights[unit] as number;
      if (weight === 0) continue;
      for (let i = 0, at = unit * terms; i < terms; i++, at++) {
        total[i] = (total[i] as number) + weight * (sums[at] as number);
      }
    }
    const size = total[losses.length] as number;
    // Without any row: possible with a handful of groups only; such a resample does not exist.
    if (size === 0) continue;
    means.forEach((of, i) => {
      of[resample] = (total[i] as number) / size;
    });
    resample += 1;
  }
  return means;
}

function unitsOf(rows: number, groups?: RowGroups): { unitOf: Int32Array | undefined; units: number } {
  const count = groups?.count ?? rows;
  if (count <= MOST_UNITS) return { unitOf: groups?.codes, units: count };
  const classes = randomClasses(count, MOST_UNITS, createRandomBits(2));
  return {
    unitOf: groups === undefined ? classes : groups.codes.map((group) => classes[group] as number),
    units: MOST_UNITS,
  };
}

/**
 * Weights of the seeds in every resample: equal ones first, then 1 / S + t z / sqrt(S (S - 1)), with z normal, centered
 * and independent of the row weights, and t such that a weighted mean of normal values is distributed as Student's t with
 * S - 1 degrees of freedom. Drawing a handful of seeds with replacement would make intervals far too short.
 *
 * @param seeds S, at least 3 @returns [1 + resamples, seeds], each row of which adds up to 1
 */
export function resampledSeeds(seeds: number): Float64Array {
  const random = createRandom(1, "resampled-seeds");
  const weights = new Float64Array((1 + RESAMPLES) * seeds).fill(1 / seeds);
  for (let resample = 1; resample <= RESAMPLES; resample++) {
    const z = Float64Array.from({ length: seeds }, () => random.gaussian());
    const center = z.reduce((sum, value) => sum + value, 0) / seeds;
    let chiSquare = 0;
    for (let i = 1; i < seeds; i++) chiSquare += square(random.gaussian());
    const scale = 1 / Math.sqrt(seeds * chiSquare);
    for (let seed = 0; seed < seeds; seed++) {
      weights[resample * seeds + seed] = 1 / seeds + scale * ((z[seed] as number) - center);
    }
  }
  return weights;
}
