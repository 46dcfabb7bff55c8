import { exp, log, square } from "../../common/elementary.ts";
import { mean, sampleVariance } from "../../common/statistics.ts";
import { wilsonInterval } from "../lab/statistics.ts";

const Z = 1.959964;
/** Student's 0.975 quantiles for 1 to 30 degrees of freedom (Abramowitz & Stegun 1964, table 26.10). */
const STUDENT = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** An estimate with its 95 % interval over seeds, which is null with a single seed. */
export interface Estimate {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/**
 * The mean relative change of losses, exp(mean log(to / from)) - 1: -0.5 for half the loss, 1 for twice the loss. On a
 * logarithmic scale, because losses change by factors, and so that no single seed decides the mean. Seeds are the
 * independent units: first the changes of a seed are averaged, then the seeds, with Student's interval, because seeds are
 * few.
 *
 * @param changes by seed, each the changes of that seed; seeds without any are left out
 * @returns null without changes
 */
export function relativeChange(
  changes: readonly (readonly { readonly from: number; readonly to: number }[])[],
): Estimate | null {
  const units = changes
    .filter((ofSeed) => ofSeed.length > 0)
    .map((ofSeed) => mean(ofSeed.map(({ from, to }) => log(to / from))));
  if (units.length === 0) return null;
  const center = mean(units);
  if (units.length < 2) return { value: exp(center) - 1, low: null, high: null };
  const half = studentQuantile(units.length - 1) * Math.sqrt(sampleVariance(units) / units.length);
  return { value: exp(center) - 1, low: exp(center - half) - 1, high: exp(center + half) - 1 };
}

/** At 0.975; beyond the table by the Cornish-Fisher expansion, whose error is below 0.001 there. */
function studentQuantile(degrees: number): number {
  return STUDENT[degrees - 1] ?? Z + (Z * Z * Z + Z) / (4 * degrees);
}

/** How often something happened among trials that came in groups. */
export interface Rate extends Estimate {
  readonly count: number;
  readonly trials: number;
}

/**
 * The share of trials in which something happened, with the Wilson score interval (Wilson 1927) of the effective number
 * of trials (Korn and Graubard 1998): trials of a seed depend on each other, and count for less the more they do. Where
 * all or none happened, which says nothing about that, each seed counts as one trial.
 *
 * @param seeds one entry for each seed
 */
export function clusteredRate(seeds: readonly { readonly count: number; readonly trials: number }[]): Rate {
  const used = seeds.filter(({ trials }) => trials > 0);
  const count = used.reduce((sum, seed) => sum + seed.count, 0);
  const trials = used.reduce((sum, seed) => sum + seed.trials, 0);
  if (trials === 0) return { value: Number.NaN, low: null, high: null, count, trials };
  const share = count / trials;
  const effective = effectiveTrials(used, share, trials);
  const [low, high] = wilsonInterval(share, effective);
  return { value: share, low, high, count, trials };
}

function effectiveTrials(
  seeds: readonly { readonly count: number; readonly trials: number }[],
  share: number,
  trials: number,
): number {
  const binomial = (share * (1 - share)) / trials;
  if (binomial === 0 || seeds.length < 2) return seeds.length;
  const squares = seeds.reduce((sum, seed) => sum + square(seed.count - share * seed.trials), 0);
  const clustered = ((seeds.length / (seeds.length - 1)) * squares) / square(trials);
  return Math.min(trials, (trials * binomial) / clustered);
}
