import jstat from "jstat";
import { square } from "../../common/elementary.ts";
import { mean, sampleVariance } from "../../common/statistics.ts";

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

/** A difference in units of the loss, with its 95 % interval. */
export interface Estimate {
  readonly value: number;
  readonly interval: readonly [low: number, high: number];
}

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

export interface Decomposition {
  /** Loss of the retrained downstream, before and after the update. */
  readonly losses: { readonly before: number; readonly after: number };
  readonly change: Estimate;
  /** The parts add up to `change`. */
  readonly parts: Readonly<Record<DiagnosisPart, Estimate>>;
  /** The part that contributed most to the change; null unless both the change and that part are significant. */
  readonly cause: DiagnosisPart | null;
}

/**
 * Decomposes the change in loss between two upstreams.
 *
 * @param before,after curves with the same seeds and held-out rows, at least two seeds and three sizes
 */
export function decompose(before: LearningCurves, after: LearningCurves): Decomposition {
  const [old, latest] = [partsOf(before), partsOf(after)];
  const change = difference(old.total, latest.total);
  const parts = {
    upstream: difference(old.upstream, latest.upstream),
    approximation: difference(old.approximation, latest.approximation),
    estimation: difference(old.estimation, latest.estimation),
  };
  return {
    losses: { before: overall(old.total), after: overall(latest.total) },
    change,
    parts,
    cause: causeOf(change, parts),
  };
}

/** [seed][row]. */
type BySeed = readonly Float64Array[];

function partsOf(curves: LearningCurves): Record<DiagnosisPart | "total", BySeed> {
  const total = curves.retrained.map((sizes) => sizes.at(-1) as Float64Array);
  const retrainedLimit = limit(curves.retrained);
  const flexibleLimit = limit(curves.flexible);
  // The team's class is a subset of all functions: if the probe did worse, the class bounds their minimum more tightly.
  const upstream = overall(flexibleLimit) < overall(retrainedLimit) ? flexibleLimit : retrainedLimit;
  return {
    total,
    upstream,
    approximation: minus(retrainedLimit, upstream),
    estimation: minus(total, retrainedLimit),
  };
}

/** 2^-a for rates n^-a with a from 1/2 to 3: slower ones are indistinguishable from a limit, faster ones at it. */
const SLOWEST = Math.SQRT1_2;
const FASTEST = 2 ** -3;

/**
 * Extrapolates the loss to infinite data (Richardson extrapolation): fits L(n) = limit + c n^-a to the last three
 * sizes, with a from the means over all seeds and rows, so that the limit is the same linear combination of losses in
 * every row.
 */
function limit(curve: readonly (readonly Float64Array[])[]): BySeed {
  const size = (fromLast: number): BySeed => curve.map((sizes) => sizes.at(-1 - fromLast) as Float64Array);
  const [last, half, quarter] = [size(0), size(1), size(2)];
  const gain = overall(half) - overall(last);
  const earlierGain = overall(quarter) - overall(half);
  const ratio = earlierGain > 0 ? Math.min(SLOWEST, Math.max(FASTEST, gain / earlierGain)) : 0.5;
  const ahead = ratio / (1 - ratio);
  return last.map((losses, seed) => losses.map((loss, row) => loss - ahead * ((half[seed]?.[row] as number) - loss)));
}

function minus(a: BySeed, b: BySeed): BySeed {
  return a.map((losses, seed) => losses.map((loss, row) => loss - (b[seed]?.[row] as number)));
}

/** 97.5 % quantile of the standard normal distribution. */
const NORMAL = 1.96;

/** The mean change, with an interval that covers the variation over held-out rows and over trainings. */
function difference(before: BySeed, after: BySeed): Estimate {
  const differences = minus(after, before);
  const seeds = differences.length;
  const rows = (differences[0] as Float64Array).length;
  const byRow = Array.from({ length: rows }, (_, row) => mean(differences.map((losses) => losses[row] as number)));
  const bySeed = differences.map((losses) => mean(losses));
  const t = jstat.studentt.inv(0.975, seeds - 1);
  const half = Math.sqrt(
    (square(NORMAL) * sampleVariance(byRow)) / rows + (square(t) * sampleVariance(bySeed)) / seeds,
  );
  const value = mean(bySeed);
  return { value, interval: [value - half, value + half] };
}

function causeOf(change: Estimate, parts: Readonly<Record<DiagnosisPart, Estimate>>): DiagnosisPart | null {
  const sign = Math.sign(change.value);
  const isSignificant = ({ interval: [low, high] }: Estimate) => (sign > 0 ? low > 0 : high < 0);
  const [cause] = [...DIAGNOSIS_PARTS].sort((a, b) => sign * (parts[b].value - parts[a].value));
  return cause !== undefined && isSignificant(change) && isSignificant(parts[cause]) ? cause : null;
}

function overall(losses: BySeed): number {
  return mean(losses.map((seed) => mean(seed)));
}
