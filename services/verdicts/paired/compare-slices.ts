import { yieldToEventLoop } from "../../common/async/yield.ts";
import { mean } from "../../common/statistics.ts";
import { compareFamily, type FamilyComparison, type FamilyMember } from "./compare-family.ts";
import { type ComparisonSettings, finiteDifferences } from "./compare-losses.ts";
import { samplePaired } from "./paired-interval.ts";
import type { Grouping } from "./sample.ts";

/** A column whose values divide the rows into slices. */
export interface SliceColumn {
  readonly column: string;
  /** [rows]: indices into `values`. */
  readonly codes: Int32Array;
  readonly values: readonly string[];
}

export interface SliceComparison extends Omit<FamilyComparison, "units"> {
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

interface Slice extends SmallSlice, FamilyMember {}

/**
 * Compares the losses on each slice. All slices with enough rows form one family (`compareFamily`).
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
  const slices = compareFamily(measured, settings).map(({ units: _, ...comparison }, i) => {
    const { column, value, rows } = measured[i] as Slice;
    return { column, value, rows, ...comparison };
  });
  const worst = slices
    .filter(({ reason }) => reason === undefined)
    .reduce<SliceComparison | undefined>(
      (found, slice) => (found === undefined || slice.interval[0] > found.interval[0] ? slice : found),
      undefined,
    );
  return { slices, tooSmall, worst };
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
