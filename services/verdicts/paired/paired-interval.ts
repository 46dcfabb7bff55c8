import { yieldToEventLoop } from "../../common/async/yield.ts";
import { createRandomBits } from "../../common/random-weights.ts";
import { quantile } from "../../common/statistics.ts";
import { hallInterval } from "./hall.ts";
import { sampleCells } from "./resampled-cells.ts";
import { sampleUnits } from "./resampled-units.ts";
import type { Grouping, PairedSample } from "./sample.ts";
import { createSharedWeights, type DrawShared } from "./shared-weights.ts";

export type Interval = readonly [low: number, high: number];

/** How an interval was computed: on studentized resamples, or by Hall's closed form. */
export type IntervalMethod = "bootstrap-t" | "hall";

const RESAMPLES = 2000;
/** The highest level at which each tail holds at least ten of the resamples. */
const MOST_RESAMPLED_LEVEL = 0.99;

/** Which method gives the intervals of a level. */
export function intervalMethod(level: number): IntervalMethod {
  return level <= MOST_RESAMPLED_LEVEL ? "bootstrap-t" : "hall";
}

/**
 * Describes the mean of the row differences.
 *
 * @param differences candidate minus current, [rows], all finite
 * @param groupings none if rows are independent; one if rows of a group depend on each other; two crossed levels
 * @param seed equal seeds and differences give equal results
 * @param drawShared keeps weights for further samples of the same rows and seed
 * @returns undefined with fewer than two rows, or fewer than two groups of a level
 */
export async function samplePaired(
  differences: Float64Array,
  groupings: readonly Grouping[],
  seed: number,
  drawShared: DrawShared = createSharedWeights(),
): Promise<PairedSample | undefined> {
  const rows = differences.length;
  if (rows < 2 || groupings.some(({ count }) => count < 2)) return undefined;
  let sum = 0;
  for (let row = 0; row < rows; row++) sum += differences[row] as number;
  const mean = sum / rows;
  const residuals = new Float64Array(rows);
  for (let row = 0; row < rows; row++) residuals[row] = (differences[row] as number) - mean;
  await yieldToEventLoop();
  const random = createRandomBits(seed);
  const [first, second] = groupings;
  if (first === undefined || second === undefined) return sampleUnits(mean, residuals, first, random, drawShared);
  return sampleCells(mean, residuals, [first, second], random);
}

/**
 * The interval of the mean at a level: the bootstrap-t interval (Efron & Tibshirani 1993, section 12.5), [mean - t_high s,
 * mean - t_low s] with s the standard error and t the quantiles of the studentized resamples; at levels whose tails too
 * few resamples reach, Hall's closed form.
 */
export async function pairedInterval(sample: PairedSample, level: number): Promise<Interval> {
  const { mean, standardError } = sample;
  if (standardError === 0) return [mean, mean];
  if (intervalMethod(level) === "hall") return hallInterval(sample, level);
  const studentized = await sample.resample(RESAMPLES);
  return [
    mean - quantile(studentized, (1 + level) / 2) * standardError,
    mean - quantile(studentized, (1 - level) / 2) * standardError,
  ];
}
