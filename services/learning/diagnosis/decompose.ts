import { type Estimate, estimate, type RowGroups, resampledMeans, resampledSeeds } from "./resample.ts";
import { type Retraining, retrainingOutcome } from "./retraining.ts";

/**
 * The parts of a change in the pipeline's loss caused by an upstream update with the downstream retrained: the
 * decomposition of Wu, Guo, Hannun and van der Maaten (2021), "Fixes that fail". For an upstream v, the downstream w^
 * as its team trains it, and minima over the team's model class W and over all functions ("any"):
 *
 *   L(w^ o v) = min_any L(w o v)                            upstream: information missing from v's output
 *             + min_W L(w o v) - min_any L(w o v)           approximation: limits of the model class
 *             + L(w^ o v) - min_W L(w o v)                  estimation: finite data and training
 *
 * The changes of the parts from the old v to the new one add up to the change in the loss.
 */
export const DIAGNOSIS_PARTS = ["upstream", "approximation", "estimation"] as const;
export type DiagnosisPart = (typeof DIAGNOSIS_PARTS)[number];

/**
 * Losses of downstreams trained on one upstream, on the same held-out rows: [seed][size][row]. Each size is twice the
 * one before; the last is all training rows.
 */
export interface LearningCurves {
  /** The team's own model class. */
  readonly retrained: readonly (readonly Float64Array[])[];
  /** A flexible probe, which stands for the class of all functions. */
  readonly flexible: readonly (readonly Float64Array[])[];
}

/** What an update was measured to do, all of it on the same held-out rows. */
export interface MeasuredUpdate {
  /** Of the same seeds, at least three, and at least three sizes. */
  readonly before: LearningCurves;
  readonly after: LearningCurves;
  /** Losses of the downstream in use as it is, on the old upstream and on the new one: each [row]. */
  readonly asItIs?: { readonly before: Float64Array; readonly after: Float64Array };
  readonly groups?: RowGroups;
  /** The smallest change that matters, as a fraction of the loss. */
  readonly minimumEffect: number;
}

export interface Decomposition {
  /** Loss of the retrained downstream, before and after the update. */
  readonly losses: { readonly before: number; readonly after: number };
  readonly change: Estimate;
  /** The parts add up to `change`. */
  readonly parts: Readonly<Record<DiagnosisPart, Estimate>>;
  /** Shares of the resamples in which the loss changes as it did, and this part contributes most to the change. */
  readonly probabilities: Readonly<Record<DiagnosisPart, number>>;
  /** The part whose probability is at least 0.95. */
  readonly cause: DiagnosisPart | null;
  /** Null without the downstream in use. */
  readonly retraining: Retraining | null;
}

/** A cause is named only if it is at least as probable. */
const NAMED = 0.95;

/**
 * Decomposes the change in loss between two upstreams. Every interval is that of the whole computation, extrapolation
 * included, over 2,000 resamples of rows (or groups) and seeds (`resample.ts`).
 */
export function decompose({ before, after, asItIs, groups, minimumEffect }: MeasuredUpdate): Decomposition {
  const curves = [before.retrained, before.flexible, after.retrained, after.flexible];
  const points = curves.flatMap((curve) => curve.flatMap((sizes) => sizes.slice(-SIZES)));
  const fixed = asItIs === undefined ? [] : [asItIs.before, asItIs.after];
  const means = resampledMeans([...points, ...fixed], groups);
  const seeds = before.retrained.length;
  const weights = resampledSeeds(seeds);
  const samples = weights.length / seeds;
  const at = (curve: number, resample: number): CurveMeans => {
    const sizes: [number, number, number] = [0, 0, 0];
    for (let seed = 0; seed < seeds; seed++) {
      const weight = weights[resample * seeds + seed] as number;
      const first = (curve * seeds + seed) * SIZES;
      for (let size = 0; size < SIZES; size++) {
        sizes[size] = (sizes[size] as number) + weight * (means[first + size]?.[resample] as number);
      }
    }
    return sizes;
  };
  const old = Array.from({ length: samples }, (_, resample) => partsOf(at(0, resample), at(1, resample)));
  const latest = Array.from({ length: samples }, (_, resample) => partsOf(at(2, resample), at(3, resample)));
  const differences = (part: keyof Parts) =>
    Float64Array.from(latest, (parts, resample) => parts[part] - (old[resample] as Parts)[part]);
  const changes = differences("total");
  const byPart = {
    upstream: differences("upstream"),
    approximation: differences("approximation"),
    estimation: differences("estimation"),
  };
  const change = estimate(changes);
  const probabilities = probabilitiesOf(changes, byPart);
  const [inUse, updated] = means.slice(points.length);
  return {
    losses: { before: (old[0] as Parts).total, after: (latest[0] as Parts).total },
    change,
    parts: {
      upstream: estimate(byPart.upstream),
      approximation: estimate(byPart.approximation),
      estimation: estimate(byPart.estimation),
    },
    probabilities,
    cause: DIAGNOSIS_PARTS.find((part) => probabilities[part] >= NAMED) ?? null,
    retraining:
      inUse === undefined || updated === undefined
        ? null
        : retrainingOutcome({
            current: inUse[0] as number,
            asItIs: estimate(updated.map((loss, resample) => loss - (inUse[resample] as number))),
            retrained: estimate(inUse.map((loss, resample) => (latest[resample] as Parts).total - loss)),
            change,
            minimumEffect,
          }),
  };
}

/** Points of a learning curve that the extrapolation uses. */
const SIZES = 3;
/** Mean losses at a quarter, at half and at all of the training rows. */
type CurveMeans = readonly [quarter: number, half: number, all: number];
type Parts = Record<DiagnosisPart | "total", number>;

function partsOf(retrained: CurveMeans, flexible: CurveMeans): Parts {
  const total = retrained[2];
  const retrainedLimit = limit(retrained);
  // The team's class is a subset of all functions: if the probe did worse, the class bounds their minimum more tightly.
  const upstream = Math.min(limit(flexible), retrainedLimit);
  return { total, upstream, approximation: retrainedLimit - upstream, estimation: total - retrainedLimit };
}

/**
 * 2^-a for rates n^-a with a from 1/2 to 1. Slower ones are indistinguishable from a limit. Faster ones do not last: a curve
 * falls fast where there are hardly more rows than parameters, and then as 1 / n.
 */
const SLOWEST = Math.SQRT1_2;
const FASTEST = 1 / 2;

/** Extrapolates the loss to infinite data (Richardson extrapolation): fits L(n) = limit + c n^-a to three sizes. */
function limit([quarter, half, all]: CurveMeans): number {
  const ratio = quarter > half ? Math.min(SLOWEST, Math.max(FASTEST, (half - all) / (quarter - half))) : 0.5;
  return all - (ratio / (1 - ratio)) * (half - all);
}

function probabilitiesOf(
  changes: Float64Array,
  parts: Readonly<Record<DiagnosisPart, Float64Array>>,
): Record<DiagnosisPart, number> {
  const sign = Math.sign(changes[0] as number);
  const share = (part: DiagnosisPart) => {
    let count = 0;
    for (let resample = 1; resample < changes.length; resample++) {
      const contribution = (of: DiagnosisPart) => sign * (parts[of][resample] as number);
      const isMost = DIAGNOSIS_PARTS.every((other) => other === part || contribution(part) > contribution(other));
      if (isMost && sign * (changes[resample] as number) > 0) count += 1;
    }
    return count / (changes.length - 1);
  };
  return { upstream: share("upstream"), approximation: share("approximation"), estimation: share("estimation") };
}
