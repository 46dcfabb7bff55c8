import { mean } from "../../services/common/statistics.ts";
import { judgeSnapshot } from "../../services/verdicts/judgement.ts";
import { type ComparisonKind, compareLosses } from "../../services/verdicts/paired/compare-losses.ts";
import { createSharedWeights } from "../../services/verdicts/paired/shared-weights.ts";
import { twoComponents } from "./linear-pipelines.ts";
import { drawRows, type RowKind } from "./loss-rows.ts";

/** The effect at which decisions are counted, in standard errors of the mean. */
const EFFECT = 4;
const LEVEL = 0.95;

/** What verdicts do on many samples of one kind of rows. All shares are of all trials. */
export interface Calibration {
  readonly kind: RowKind;
  readonly rows: number;
  readonly trials: number;
  /** Without a true difference: false verdicts of each kind. */
  readonly improved: number;
  readonly degraded: number;
  /** Without a true difference: false verdicts of the usual interval, mean +- 1.96 s / sqrt(rows). */
  readonly usual: number;
  /** Samples with too few rows for a verdict. */
  readonly tooFew: number;
  /** With a true improvement of 4 standard errors: verdicts `improved`. */
  readonly decided: number;
  /** The same, as a share of the samples with enough rows; NaN if there are none. */
  readonly decidedOfEnough: number;
  /** With a true improvement of 4 standard errors: verdicts `degraded`. */
  readonly opposite: number;
}

export async function calibrate(kind: RowKind, rows: number, trials: number): Promise<Calibration> {
  const samples = Array.from({ length: trials }, (_, seed) => mean(drawRows(kind, rows, seed).differences));
  const center = mean(samples);
  const standardError = Math.sqrt(mean(samples.map((sample) => (sample - center) ** 2)));
  const without = await verdicts(kind, rows, trials, 0);
  const withEffect = await verdicts(kind, rows, trials, -EFFECT * standardError);
  const share = (found: Verdicts, name: ComparisonKind) => found.kinds.filter((one) => one === name).length / trials;
  const decided = share(withEffect, "improved");
  return {
    kind,
    rows,
    trials,
    improved: share(without, "improved"),
    degraded: share(without, "degraded"),
    usual: without.usual / trials,
    tooFew: without.tooFew / trials,
    decided,
    decidedOfEnough: (decided * trials) / (trials - withEffect.tooFew),
    opposite: share(withEffect, "degraded"),
  };
}

interface Verdicts {
  readonly kinds: readonly ComparisonKind[];
  readonly tooFew: number;
  readonly usual: number;
}

async function verdicts(kind: RowKind, rows: number, trials: number, effect: number): Promise<Verdicts> {
  const kinds: ComparisonKind[] = [];
  let tooFew = 0;
  let usual = 0;
  const current = new Float64Array(rows).fill(100);
  for (let seed = 0; seed < trials; seed++) {
    const { differences, groupings } = drawRows(kind, rows, seed);
    const candidate = differences.map((difference) => 100 + difference + effect);
    const comparison = await compareLosses(current, candidate, { groupings, level: LEVEL, minimumEffect: 0, seed });
    if (comparison === undefined) throw new Error(`no comparison of ${rows} rows: ${kind.name}`);
    kinds.push(comparison.kind);
    if (comparison.reason === "too-few-rows") tooFew++;
    const center = mean(differences);
    const variance = mean(differences.map((difference) => (difference - center) ** 2));
    if (Math.abs(center) > 1.96 * Math.sqrt(variance / rows)) usual++;
  }
  return { kinds, tooFew, usual };
}

/** Trials by rows: more rows take longer. */
export const TRIALS: Readonly<Record<number, number>> = { 200: 1000, 1000: 500, 10000: 200 };

/** One line of a table for people, in Markdown. */
export function calibrationLine(calibration: Calibration): string {
  const { kind, rows, usual, improved, degraded, tooFew, decided, decidedOfEnough } = calibration;
  const percent = (value: number) => (Number.isNaN(value) ? "-" : (100 * value).toFixed(1));
  return `| ${kind.name} | ${rows.toLocaleString("en-US")} | ${[usual, improved, degraded, tooFew, decided, decidedOfEnough].map(percent).join(" | ")} |`;
}

export const CALIBRATION_HEAD = [
  "| rows | n | usual interval, false | false improved | false degraded | too few rows | improved at 4 s.e. | of those with enough rows |",
  "| --- | --- | --- | --- | --- | --- | --- | --- |",
];

/**
 * The share of wrong verdicts of an evaluator's judgment, `judgeSnapshot`, on updates that change nothing but noise.
 * @param kind of the differences in pipeline loss; the component's own loss stays the same
 */
export async function falseJudgments(kind: RowKind, rows: number, trials: number): Promise<number> {
  let wrong = 0;
  for (let seed = 0; seed < trials; seed++) {
    const { differences, groupings } = drawRows(kind, rows, seed);
    const current = new Float64Array(rows).fill(100);
    const candidate = differences.map((difference) => 100 + difference);
    const { kind: found } = await judgeSnapshot(
      { component: "u", serial: 2 },
      {
        pipeline: { ...twoComponents, name: `p${seed}` },
        losses: {
          check: async () => {},
          prepare() {},
          output: async () => new Float32Array(rows),
          rowLosses: async (component, { u }) => (component === "d" && u === 2 ? candidate : current),
          rowErrors: async () => undefined,
        },
        structure: { groupings, slices: [] },
        current: { u: 1, d: 1 },
        alternatives: () => [],
        proven: () => true,
        drawShared: createSharedWeights(),
        signal: new AbortController().signal,
      },
    );
    if (found !== "inconclusive") wrong++;
  }
  return wrong / trials;
}
