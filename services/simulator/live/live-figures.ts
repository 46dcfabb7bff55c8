import { mean, quantile } from "../../common/statistics.ts";

/** Percentiles of durations in seconds; null without any. */
export interface Percentiles {
  readonly count: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

export function percentilesOf(seconds: readonly number[]): Percentiles {
  const sorted = Float64Array.from(seconds).sort();
  const at = (probability: number) => (sorted.length === 0 ? null : quantile(sorted, probability));
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** A value at a time, in seconds since the services were ready. */
export type Sample = readonly [seconds: number, value: number];

/** Shorter times say nothing about an hour. */
const SHORTEST_SLOPE_SECONDS = 120;

/** The least-squares slope of the later half of the samples, by the hour; null if that is shorter than two minutes. */
export function slopePerHour(samples: readonly Sample[]): number | null {
  const last = samples.at(-1)?.[0] ?? 0;
  const first = samples[0]?.[0] ?? 0;
  const later = samples.filter(([seconds]) => seconds >= (first + last) / 2);
  if (last - first < 2 * SHORTEST_SLOPE_SECONDS || later.length < 3) return null;
  const centerX = mean(later.map(([x]) => x));
  const centerY = mean(later.map(([, y]) => y));
  let xy = 0;
  let xx = 0;
  for (const [x, y] of later) {
    xy += (x - centerX) * (y - centerY);
    xx += (x - centerX) * (x - centerX);
  }
  return (3600 * xy) / xx;
}

/** Lengths of the intervals over which things are counted, in seconds. */
const INTERVALS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
const MOST_INTERVALS = 60;

/** The shortest interval of which a time has at most 60. */
export function intervalOf(seconds: number): number {
  return INTERVALS.find((length) => seconds / length <= MOST_INTERVALS) ?? (INTERVALS.at(-1) as number);
}

/** Divides events among intervals from 0 to `end`. @param at in seconds; those outside count to the first or last one */
export function byInterval<T>(events: readonly T[], at: (event: T) => number, length: number, end: number): T[][] {
  const parts: T[][] = Array.from({ length: Math.max(1, Math.ceil(end / length)) }, () => []);
  for (const event of events) {
    const place = Math.min(parts.length - 1, Math.max(0, Math.floor(at(event) / length)));
    (parts[place] as T[]).push(event);
  }
  return parts;
}
