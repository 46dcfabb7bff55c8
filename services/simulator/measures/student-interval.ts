import { mean, sampleVariance } from "../../common/statistics.ts";
import { betaShare } from "../../verdicts/paired/exact-share.ts";

/** A mean over seeds, with its interval; null for fewer than two seeds. */
export interface SeedMean {
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
}

const LEVEL = 0.95;
const HALVINGS = 80;

/** Mean of independent values with Student's t interval at 95 %. */
export function meanOverSeeds(values: readonly number[]): SeedMean {
  const center = mean(values);
  if (values.length < 2) return { mean: center, low: null, high: null };
  const half = studentQuantile(values.length - 1) * Math.sqrt(sampleVariance(values) / values.length);
  return { mean: center, low: center - half, high: center + half };
}

/** t such that |T| <= t with a probability of 95 %. @param degrees of freedom, at least 1 */
export function studentQuantile(degrees: number): number {
  // P(|T| > t) = I_x(degrees / 2, 1 / 2) with x = degrees / (degrees + t^2), which falls with t.
  const tail = (t: number) => betaShare(degrees / (degrees + t * t), degrees / 2, 0.5);
  let [low, high] = [0, 1000];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (tail(middle) > 1 - LEVEL) low = middle;
    else high = middle;
  }
  return high;
}
