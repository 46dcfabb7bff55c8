import { mean } from "../../services/common/statistics.ts";
import { judgeSnapshot } from "../../services/verdicts/judgement.ts";
import { compareFamily, type FamilyMember, familyMember } from "../../services/verdicts/paired/compare-family.ts";
import { type ComparisonKind, compareLosses } from "../../services/verdicts/paired/compare-losses.ts";
import { createSharedWeights } from "../../services/verdicts/paired/shared-weights.ts";
import { twoComponents } from "./linear-pipelines.ts";
import { drawRows, ROW_KINDS, type RowKind } from "./loss-rows.ts";

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

/** How often any of many comparisons that are shown at once is called changed although none differs. Shares of all trials. */
export interface FamilyCalibration {
  readonly kind: RowKind;
  readonly corrected: number;
  /** If each had an interval of its own, as a single one has. */
  readonly uncorrected: number;
  /** Trials in which all members have too few rows. */
  readonly tooFew: number;
}

/** As many as a matrix of five by five has beside the pair in use. */
export const FAMILY_MEMBERS = 24;
export const FAMILY_ROWS = 1000;
export const FAMILY_TRIALS = 400;

/** Differences to the same composition: half of the variance of each member is common to all. */
export async function calibrateFamily(kind: RowKind): Promise<FamilyCalibration> {
  const settings = { level: LEVEL, minimumEffect: 0, seed: 1 };
  const current = new Float64Array(FAMILY_ROWS).fill(100);
  let [corrected, uncorrected, tooFew] = [0, 0, 0];
  for (let trial = 0; trial < FAMILY_TRIALS; trial++) {
    const common = drawRows(kind, FAMILY_ROWS, trial);
    const members: FamilyMember[] = [];
    for (let i = 1; i <= FAMILY_MEMBERS; i++) {
      const own = drawRows(kind, FAMILY_ROWS, trial + 10_000 * i).differences;
      const candidate = own.map((value, row) => 100 + (value + (common.differences[row] as number)) * Math.SQRT1_2);
      const member = await familyMember(current, candidate, { ...settings, groupings: common.groupings });
      if (member !== undefined) members.push(member);
    }
    const isWrong = (one: { readonly kind: string }) => one.kind !== "inconclusive";
    const compared = compareFamily(members, settings);
    if (compared.some(isWrong)) corrected++;
    if (members.some((member) => compareFamily([member], settings).some(isWrong))) uncorrected++;
    if (compared.every(({ reason }) => reason === "too-few-rows")) tooFew++;
  }
  const share = (count: number) => count / FAMILY_TRIALS;
  return { kind, corrected: share(corrected), uncorrected: share(uncorrected), tooFew: share(tooFew) };
}

/** The kinds whose groups are the same in every sample, so that samples can be added. */
export const FAMILY_KINDS: readonly RowKind[] = ROW_KINDS.filter(
  ({ name }) => !/^(crossed|groups of unequal)/.test(name),
);

export const FAMILY_HEAD = [
  "| rows | any false, each alone | any false, as a family | too few rows |",
  "| --- | --- | --- | --- |",
];

export function familyLine({ kind, uncorrected, corrected, tooFew }: FamilyCalibration): string {
  return `| ${kind.name} | ${[uncorrected, corrected, tooFew].map((share) => (100 * share).toFixed(1)).join(" | ")} |`;
}

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
