import { exp, log } from "./elementary.ts";

/**
 * The probability of at least `count` successes in `trials` independent trials, for a count above the mean; 1 for any other.
 * @param probability of a success, in [0, 1)
 */
export function binomialTail(count: number, trials: number, probability: number): number {
  if (count <= trials * probability) return 1;
  if (probability === 0) return 0;
  const odds = probability / (1 - probability);
  let logarithm = trials * log(1 - probability);
  for (let k = 0; k < count; k++) logarithm += log(((trials - k) / (k + 1)) * odds);
  let term = exp(logarithm);
  let sum = 0;
  // Above the mean, terms fall at least geometrically.
  for (let k = count; k <= trials && term > 1e-18 * sum; k++) {
    sum += term;
    term *= ((trials - k) / (k + 1)) * odds;
  }
  return Math.min(1, sum);
}
