import { square } from "./elementary.ts";

/** Arithmetic mean; NaN for an empty array. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum / values.length;
}

/** Unbiased sample variance (divisor n - 1); 0 for fewer than two values. */
export function sampleVariance(values: readonly number[]): number {
  const center = mean(values);
  return values.reduce((sum, value) => sum + square(value - center), 0) / Math.max(1, values.length - 1);
}
