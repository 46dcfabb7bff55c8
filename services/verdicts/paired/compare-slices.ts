import { yieldToEventLoop } from "../../common/async/yield.ts";
import { mean } from "../../common/statistics.ts";
import { type ComparisonSettings, describe, finiteDifferences, type LossComparison } from "./compare-losses.ts";
import { unitsNeeded } from "./floor.ts";
import { hallInterval, hallPValue } from "./hall.ts";
import { samplePaired } from "./paired-interval.ts";
import type { Grouping, PairedSample } from "./sample.ts";

/** A column whose values divide the rows into slices. */
export interface SliceColumn {
  readonly column: string;
  /** [rows]: indices into `values`. */
  readonly codes: Int32Array;
  readonly values: readonly string[];
}

export interface SliceComparison extends Omit<LossComparison, "units"> {
  readonly column: string;
  readonly value: string;
  readonly rows: number;
}

/** Of a slice with a single row, or with a single group, nothing can be said. */
interface SmallSlice {
  readonly column: string;
  readonly value: string;
  readonly rows: number;
}

export interface ComparedSlices {
  /** Slices with enough rows for at least a standard error, in the order of columns and values. */
  readonly slices: readonly SliceComparison[];
  /** The others. */
  readonly tooSmall: readonly SmallSlice[];
  /** The slice whose harm is surest: among those with enough rows the one whose interval begins highest. */
  readonly worst: SliceComparison | undefined;
}

interface Slice extends SmallSlice {
  readonly sample: PairedSample;
  readonly currentLoss: number;
}

/**
 * Compares the losses on each slice. All slices with enough rows form one family: their kinds hold together at the level,
 * by Holm's (1979) step-down procedure on Hall's p-values. A slice's interval is Hall's at the level at which Holm tests
 * it, so that it excludes 0 exactly if the slice is called improved or degraded.
 */
export async function compareSlices(
  current: Float64Array,
  candidate: Float64Array,
  columns: readonly SliceColumn[],
  settings: ComparisonSettings,
): Promise<ComparedSlices> {
  const differences = finiteDifferences(current, candidate);
  if (differences === undefined) return { slices: [], tooSmall: [], worst: undefined };
  const measured: Slice[] = [];
  const tooSmall: SmallSlice[] = [];
  for (const { column, codes, values } of columns) {
    for (const [code, rows] of rowsOfValues(codes, values.length).entries()) {
      if (rows.length === 0) continue;
      const slice = { column, value: values[code] as string, rows: rows.length };
      const groupings = settings.groupings.map((grouping) => restricted(grouping, rows));
      const sample = await samplePaired(taken(differences, rows), groupings, settings.seed);
      if (sample === undefined) tooSmall.push(slice);
      else measured.push({ ...slice, sample, currentLoss: mean(taken(current, rows)) });
      await yieldToEventLoop();
    }
  }
  const levels = holmLevels(
    measured.map(({ sample }) => (sample.units < unitsNeeded(sample) ? undefined : hallPValue(sample))),
    1 - settings.level,
  );
  const slices = measured.map(({ sample, currentLoss, ...slice }, i) => {
    const level = 1 - (levels[i] as number);
    const { minimumEffect } = settings;
    const interval = hallInterval(sample, level);
    const { units: _, ...comparison } = describe(sample, interval, slice.rows, currentLoss, { level, minimumEffect });
    return { ...slice, ...comparison };
  });
  const worst = slices
    .filter(({ reason }) => reason === undefined)
    .reduce<SliceComparison | undefined>(
      (found, slice) => (found === undefined || slice.interval[0] > found.interval[0] ? slice : found),
      undefined,
    );
  return { slices, tooSmall, worst };
}

/**
 * The error probability at which Holm's procedure tests each hypothesis: alpha over the number that remain when its turn
 * comes, in ascending order of p-values, until one is not rejected; all others are tested as that one is.
 *
 * @param pValues undefined for hypotheses that are not tested; these get alpha over the number of the tested ones
 */
export function holmLevels(pValues: readonly (number | undefined)[], alpha: number): readonly number[] {
  const tested = pValues.flatMap((p, i) => (p === undefined ? [] : [{ p, i }])).sort((a, b) => a.p - b.p);
  const levels = pValues.map(() => alpha / Math.max(1, tested.length));
  let level = 0;
  let isRejecting = true;
  for (const [rank, { p, i }] of tested.entries()) {
    if (isRejecting) level = alpha / (tested.length - rank);
    levels[i] = level;
    isRejecting &&= p < level;
  }
  return levels;
}

/** The rows of each value, ascending. */
function rowsOfValues(codes: Int32Array, values: number): readonly Int32Array[] {
  const counts = new Int32Array(values);
  for (const code of codes) counts[code] = (counts[code] as number) + 1;
  const rows = Array.from(counts, (count) => new Int32Array(count));
  const filled = new Int32Array(values);
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row] as number;
    const at = filled[code] as number;
    (rows[code] as Int32Array)[at] = row;
    filled[code] = at + 1;
  }
  return rows;
}

function taken(values: Float64Array, rows: Int32Array): Float64Array {
  // A loop: `Float64Array.from` takes five times as long.
  const some = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) some[i] = values[rows[i] as number] as number;
  return some;
}

/** A grouping of some of the rows, without the groups that have none of them. */
export function restricted({ codes, count }: Grouping, rows: Int32Array): Grouping {
  const newCodes = new Int32Array(count).fill(-1);
  let found = 0;
  const restrictedCodes = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const code = codes[rows[i] as number] as number;
    if ((newCodes[code] as number) < 0) {
      newCodes[code] = found;
      found += 1;
    }
    restrictedCodes[i] = newCodes[code] as number;
  }
  return { codes: restrictedCodes, count: found };
}
