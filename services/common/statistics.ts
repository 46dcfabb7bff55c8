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

/** Linear interpolation between order statistics (type 7 of Hyndman & Fan 1996). @param sorted ascending */
export function quantile(sorted: Float64Array, probability: number): number {
  const place = (sorted.length - 1) * probability;
  const below = Math.floor(place);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  // Without the test, two infinite neighbors would give NaN.
  return low === high ? low : low + (high - low) * (place - below);
}

/** NaN for an empty array. */
export function median(values: readonly number[]): number {
  return quantile(Float64Array.from(values).sort(), 0.5);
}
