import { createRandomBits, drawWeights, seedOf } from "../common/random-weights.ts";
import { quantile } from "../common/statistics.ts";
import { CONFIDENCE_LEVEL, type Verdict } from "../pipeline/verdict.ts";
import type { Interval } from "./paired/paired-interval.ts";

/** What an update changed, as its verdict measured it. Negative changes are improvements. */
export interface LossChanges {
  /** Change of the component's own loss, as a fraction of the current one; null if it is unknown. */
  readonly own: number | null;
  /** Change of the pipeline loss, as a fraction of the current one. */
  readonly pipeline: number;
}

/** One update of a component whose own loss is known. */
export interface AlignmentPoint extends LossChanges {
  readonly serial: number;
  readonly own: number;
}

/** How well the changes of a component's own loss tell what happens to the pipeline (Modi et al. 2023: Aligned). */
export interface Alignment {
  readonly component: string;
  /** The newest updates whose own and pipeline losses are known, oldest first. */
  readonly points: readonly AlignmentPoint[];
  /** Updates that improved the own loss, and those of them with which the pipeline loss rose. */
  readonly improved: number;
  readonly harmful: number;
  /**
   * Kendall's tau-b of the two changes, in [-1, 1]. Of two updates, the one with the better own loss is better for the
   * pipeline, too, with probability (1 + tau) / 2. Null with too few updates, or if one of the losses never changed.
   */
  readonly tau: number | null;
  /** Of tau, from the bootstrap over updates. */
  readonly interval: Interval | null;
  readonly level: number;
}

/** Fewer updates say nothing: `test/unit/verdicts/alignment.test.ts` measures how often intervals hold the true value. */
export const FEWEST_UPDATES = 10;
/** Work grows with the square of the number of updates. */
const MOST_UPDATES = 500;
const RESAMPLES = 2000;

/** Measures the alignment of a component over its update history. @param verdicts of the pipeline, oldest first */
export function measureAlignment(component: string, verdicts: readonly Verdict[]): Alignment {
  const points = verdicts
    .filter((verdict) => verdict.component === component)
    .flatMap(pointOf)
    .slice(-MOST_UPDATES);
  const improved = points.filter(({ own }) => own < 0);
  const found = points.length < FEWEST_UPDATES ? undefined : tauOf(points, seedOf("alignment", component));
  return {
    component,
    points,
    improved: improved.length,
    harmful: improved.filter(({ pipeline }) => pipeline > 0).length,
    tau: found?.tau ?? null,
    interval: found?.interval ?? null,
    level: CONFIDENCE_LEVEL,
  };
}

function pointOf(verdict: Verdict): AlignmentPoint[] {
  const { own, pipeline } = changesOf(verdict) ?? { own: null, pipeline: 0 };
  return own === null ? [] : [{ serial: verdict.serial, own, pipeline }];
}

/** @returns undefined if the pipeline losses were not compared, or the current one is 0 */
export function changesOf({
  componentLoss: { current, candidate },
  comparison,
}: Pick<Verdict, "componentLoss" | "comparison">): LossChanges | undefined {
  if (comparison === null) return undefined;
  const pipeline = comparison.difference / Math.abs(comparison.currentLoss);
  if (!Number.isFinite(pipeline)) return undefined;
  const own = current === null || candidate === null ? Number.NaN : (candidate - current) / Math.abs(current);
  return { own: Number.isFinite(own) ? own : null, pipeline };
}

/**
 * Kendall's tau-b (Kendall 1945) with the percentile interval of a bootstrap with Poisson(1) weights of the updates. Pairs
 * of an update with itself count as ties of both changes, which tau-b leaves out.
 *
 * @returns undefined if one of the changes is the same in all updates
 */
export function tauOf(
  points: readonly Pick<AlignmentPoint, "own" | "pipeline">[],
  seed: number,
): { readonly tau: number; readonly interval: Interval } | undefined {
  const signs = pairSigns(points);
  const weights = new Uint8Array(points.length).fill(1);
  const tau = weightedTau(signs, weights);
  if (tau === undefined) return undefined;
  const random = createRandomBits(seed);
  const resampled = new Float64Array(RESAMPLES);
  for (let drawn = 0; drawn < RESAMPLES; ) {
    drawWeights(weights, random);
    const value = weightedTau(signs, weights);
    // All weight on updates with one value: such a resample has no tau.
    if (value === undefined) continue;
    resampled[drawn] = value;
    drawn += 1;
  }
  resampled.sort();
  return {
    tau,
    interval: [quantile(resampled, (1 - CONFIDENCE_LEVEL) / 2), quantile(resampled, (1 + CONFIDENCE_LEVEL) / 2)],
  };
}

/** The signs of the differences of all pairs of updates, [updates * updates], for each change. */
interface PairSigns {
  readonly own: Int8Array;
  readonly pipeline: Int8Array;
}

function pairSigns(points: readonly Pick<AlignmentPoint, "own" | "pipeline">[]): PairSigns {
  const signsOf = (change: "own" | "pipeline") =>
    Int8Array.from(points.flatMap((a) => points.map((b) => Math.sign(a[change] - b[change]))));
  return { own: signsOf("own"), pipeline: signsOf("pipeline") };
}

function weightedTau({ own, pipeline }: PairSigns, weights: Uint8Array): number | undefined {
  const count = weights.length;
  let [concordant, ownPairs, pipelinePairs] = [0, 0, 0];
  for (let a = 0; a < count; a++) {
    const weight = weights[a] as number;
    if (weight === 0) continue;
    for (let b = 0, at = a * count; b < a; b++, at++) {
      const both = weight * (weights[b] as number);
      const x = own[at] as number;
      const y = pipeline[at] as number;
      concordant += both * x * y;
      ownPairs += both * x * x;
      pipelinePairs += both * y * y;
    }
  }
  return ownPairs === 0 || pipelinePairs === 0 ? undefined : concordant / Math.sqrt(ownPairs * pipelinePairs);
}
