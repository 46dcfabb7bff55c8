import { square } from "../../common/elementary.ts";
import { mean, sampleVariance } from "../../common/statistics.ts";

/** Mean and sample standard deviation (n - 1) of the values behind a table row. */
export interface Summary {
  readonly mean: number;
  readonly std: number;
  readonly values: readonly number[];
}

export function summarize(values: readonly number[]): Summary {
  return { mean: mean(values), std: Math.sqrt(sampleVariance(values)), values };
}

/** How often something happened, with its 95 % Wilson score interval (Wilson 1927). */
export interface Proportion {
  readonly count: number;
  readonly trials: number;
  readonly interval: readonly [low: number, high: number];
}

export function proportion(outcomes: readonly boolean[]): Proportion {
  const trials = outcomes.length;
  if (trials === 0) return { count: 0, trials, interval: [0, 1] };
  const count = outcomes.filter(Boolean).length;
  const z = 1.959964;
  const share = count / trials;
  const center = (share + square(z) / (2 * trials)) / (1 + square(z) / trials);
  const half =
    (z * Math.sqrt((share * (1 - share)) / trials + square(z) / (4 * square(trials)))) / (1 + square(z) / trials);
  return { count, trials, interval: [Math.max(0, center - half), Math.min(1, center + half)] };
}

/** `9 of 40 (12 to 38 %)`. */
export function proportionText({ count, trials, interval: [low, high] }: Proportion): string {
  return `${count} of ${trials} (${Math.round(100 * low)} to ${Math.round(100 * high)} %)`;
}
