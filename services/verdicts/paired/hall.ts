import { cbrt, square } from "../../common/elementary.ts";
import { gaussianQuantile } from "../../common/gaussian-quantile.ts";
import { normalTail } from "./normal.ts";
import type { SampleMoments } from "./sample.ts";

/**
 * Hall's (1992, "On the removal of skewness by transformation") monotone cubic. For the studentized mean T of n units with
 * skewness g, g(T) = T + g T^2 / (3 sqrt n) + g^2 T^3 / (27 n) + g / (6 sqrt n) is normal up to O(1 / n). The g of the
 * powers of T is the curvature and that of the constant the shift; both are the skewness for units of equal size.
 */
function transformed(t: number, { units, skewness: { shift, curvature } }: SampleMoments): number {
  const a = curvature / 3 / Math.sqrt(units);
  return t + a * t * t + (square(a) * t * t * t) / 3 + shift / (6 * Math.sqrt(units));
}

/** The inverse of `transformed`: the studentized mean at a normal quantile. */
function studentizedAt(x: number, { units, skewness: { shift, curvature } }: SampleMoments): number {
  const a = curvature / 3 / Math.sqrt(units);
  const centered = x - shift / (6 * Math.sqrt(units));
  // The limit for no curvature, where the formula divides 0 by 0.
  if (Math.abs(a) < 1e-9) return centered;
  return (cbrt(1 + 3 * a * centered) - 1) / a;
}

/**
 * Student's quantile at a normal one, for the units - 1 degrees of freedom of the standard error (Abramowitz & Stegun 1964,
 * 26.7.8, which has its inverse in closed form); infinite where so few units reach no such level.
 */
function studentQuantile(z: number, { units }: SampleMoments): number {
  const degrees = units - 1;
  const rest = square(1 - 1 / (4 * degrees)) - (z * z) / (2 * degrees);
  return rest > 0 ? z / Math.sqrt(rest) : Math.sign(z) * Number.POSITIVE_INFINITY;
}

/** The normal quantile at one of Student's: the inverse of `studentQuantile`. */
function normalQuantile(t: number, { units }: SampleMoments): number {
  const degrees = units - 1;
  return (t * (1 - 1 / (4 * degrees))) / Math.sqrt(1 + (t * t) / (2 * degrees));
}

/** The closed-form interval of the mean, at any level. @param level in (0, 1), at most 1 - 2^-32 */
export function hallInterval(sample: SampleMoments, level: number): readonly [low: number, high: number] {
  const { mean, standardError } = sample;
  // So few units may have an infinite quantile, times 0.
  if (standardError === 0) return [mean, mean];
  const z = studentQuantile(gaussianQuantile((1 + level) / 2), sample);
  return [mean - studentizedAt(z, sample) * standardError, mean - studentizedAt(-z, sample) * standardError];
}

/** The two-sided p-value of a mean of 0: 1 minus the level at which an end of `hallInterval` is 0. */
export function hallPValue(sample: SampleMoments): number {
  const { mean, standardError } = sample;
  if (standardError === 0) return mean === 0 ? 1 : 0;
  return Math.min(1, 2 * normalTail(Math.abs(normalQuantile(transformed(mean / standardError, sample), sample))));
}
