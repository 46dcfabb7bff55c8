import { square } from "../../common/elementary.ts";
import { mean, sampleVariance } from "../../common/statistics.ts";
import { exactShareInterval } from "../../verdicts/paired/exact-share.ts";
import { type Interval, pairedInterval, samplePaired } from "../../verdicts/paired/paired-interval.ts";

/** Mean and sample standard deviation (n - 1) of the values behind a table row. */
export interface Summary {
  readonly mean: number;
  readonly std: number;
  readonly values: readonly number[];
}

export function summarize(values: readonly number[]): Summary {
  return { mean: mean(values), std: Math.sqrt(sampleVariance(values)), values };
}

/** A mean with its 95 % interval; null for too few clusters to give one. */
export interface MeanInterval {
  readonly mean: number;
  readonly interval: Interval | null;
}

/** How often something happened, with its 95 % interval. */
export interface Proportion {
  readonly count: number;
  readonly trials: number;
  readonly interval: Interval;
}

/** Of independent outcomes, with the Wilson score interval (Wilson 1927). */
export function proportion(outcomes: readonly boolean[]): Proportion {
  const trials = outcomes.length;
  if (trials === 0) return { count: 0, trials, interval: [0, 1] };
  const count = outcomes.filter(Boolean).length;
  return { count, trials, interval: wilsonInterval(count / trials, trials) };
}

/**
 * The 95 % score interval of a share (Wilson 1927).
 *
 * @param share in [0, 1]
 * @param trials above 0; a fraction for the effective number of dependent trials
 */
export function wilsonInterval(share: number, trials: number): Interval {
  const z = 1.959964;
  const center = (share + square(z) / (2 * trials)) / (1 + square(z) / trials);
  const half =
    (z * Math.sqrt((share * (1 - share)) / trials + square(z) / (4 * square(trials)))) / (1 + square(z) / trials);
  return [Math.max(0, center - half), Math.min(1, center + half)];
}

/** How often updates made the pipeline worse, and by how much. */
export interface Harm {
  /** Updates that increased the pipeline's held-out loss. */
  readonly count: number;
  readonly trials: number;
  /** Of the share of such updates. */
  readonly interval: Interval;
  /** Mean increase of the loss over all updates; 0 for an update that did not increase it. */
  readonly size: MeanInterval;
  /** The largest increase of the loss; 0 if no update increased it. */
  readonly worst: number;
}

const LEVEL = 0.95;
/** Of the resamples. */
const SEED = 0;

/**
 * The mean of values that come in clusters: values of a seed share its data and its models, so only seeds are
 * independent. The interval is the bootstrap-t over clusters, as in verdicts.
 *
 * @param clusters the values of every seed
 */
export async function meanOfClusters(clusters: readonly (readonly number[])[]): Promise<MeanInterval> {
  const values = Float64Array.from(clusters.flat());
  const codes = Int32Array.from(clusters.flatMap((cluster, code) => cluster.map(() => code)));
  const sample = await samplePaired(values, [{ codes, count: clusters.length }], SEED);
  if (sample === undefined) return { mean: mean(values), interval: null };
  const interval = await pairedInterval(sample, LEVEL);
  return { mean: sample.mean, interval: interval.every(Number.isFinite) ? interval : null };
}

/**
 * With fewer clusters that have harm, too many resamples have none of them. With five, a resample has none with a
 * probability of e^-5, well below the 2.5 % of a tail.
 */
const FEWEST_CLUSTERS = 5;

/**
 * Describes the harm of updates. Intervals are bootstrap-t over clusters. Where fewer than five clusters have harm, there is
 * none of its size, and that of the share is exact (Clopper and Pearson 1934) but conservative: the share of updates is at
 * most the share of clusters with harm, and at least that divided by the number of updates in each.
 *
 * @param clusters the changes of the pipeline's loss by the updates of every seed, equally many; positive is worse
 */
export async function harmOf(clusters: readonly (readonly number[])[]): Promise<Harm> {
  const worse = clusters.map((changes) => changes.map((change) => change > 0));
  const increases = clusters.map((changes) => changes.map((change) => Math.max(0, change)));
  const size = await meanOfClusters(increases);
  const harmed = worse.filter((outcomes) => outcomes.includes(true)).length;
  return {
    ...(await shareOf(worse)),
    size: {
      mean: size.mean,
      interval:
        harmed < FEWEST_CLUSTERS || size.interval === null ? null : [Math.max(0, size.interval[0]), size.interval[1]],
    },
    worst: Math.max(...increases.flat()),
  };
}

/**
 * How often something happened in trials that come in clusters, with the interval that `harmOf` gives a share.
 *
 * @param clusters the outcomes of every seed, equally many
 */
export async function shareOf(clusters: readonly (readonly boolean[])[]): Promise<Proportion> {
  const outcomes = clusters.flat();
  return { count: outcomes.filter(Boolean).length, trials: outcomes.length, interval: await shareInterval(clusters) };
}

async function shareInterval(clusters: readonly (readonly boolean[])[]): Promise<Interval> {
  const some = clusters.filter((outcomes) => outcomes.includes(true)).length;
  const all = clusters.filter((outcomes) => !outcomes.includes(false)).length;
  const { interval } = await meanOfClusters(clusters.map((outcomes) => outcomes.map((one) => (one ? 1 : 0))));
  if (interval !== null && some >= FEWEST_CLUSTERS && clusters.length - all >= FEWEST_CLUSTERS) {
    return [Math.max(0, interval[0]), Math.min(1, interval[1])];
  }
  const [least, most] = exactShareInterval(some, clusters.length, LEVEL);
  const [unanimous] = exactShareInterval(all, clusters.length, LEVEL);
  return [Math.max(unanimous, least / (clusters[0]?.length ?? 1)), most];
}

/** `9 of 40 (12 to 38 %)`. */
export function proportionText({ count, trials, interval: [low, high] }: Proportion): string {
  return `${count} of ${trials} (${Math.round(100 * low)} to ${Math.round(100 * high)} %)`;
}
