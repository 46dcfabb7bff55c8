import { exp, log } from "../../common/elementary.ts";
import type { Interval } from "./paired-interval.ts";

/** Lanczos (1964), g = 7, n = 9: relative error about 1e-15. */
const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];
/** Halvings that place an end of an interval to the last bit of a share above 1e-9. */
const HALVINGS = 80;

/**
 * The exact interval of a share (Clopper & Pearson 1934): it contains the true share with at least the given probability,
 * for any number of trials.
 *
 * @param count successes among `trials` independent trials
 */
export function exactShareInterval(count: number, trials: number, level: number): Interval {
  const tail = (1 - level) / 2;
  // The ends are the shares at which seeing so many, or so few, has the probability `tail`.
  const low = count === 0 ? 0 : bisect((share) => betaShare(share, count, trials - count + 1) > tail);
  const high = count === trials ? 1 : bisect((share) => betaShare(share, count + 1, trials - count) > 1 - tail);
  return [low, high];
}

/** The smallest share in [0, 1] at which `isAbove`, which is monotone, holds. */
function bisect(isAbove: (share: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (isAbove(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** The regularized incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22), for a, b >= 1/2. */
export function betaShare(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on this side of the mean only.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaShare(1 - x, b, a);
  const front = exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * log(x) + b * log(1 - x)) / a;
  // Modified Lentz; no partial denominator is 0 for x on this side.
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; ; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    const step = d * c;
    fraction *= step;
    if (Math.abs(step - 1) < 1e-15) return front * fraction;
  }
}

/** ln Gamma(x) for x >= 1/2. */
function logGamma(x: number): number {
  let sum = 0.99999999999980993;
  for (const [i, coefficient] of LANCZOS.entries()) sum += coefficient / (x + i);
  const t = x + 6.5;
  return 0.9189385332046728 + (x - 0.5) * log(t) - t + log(sum);
}
