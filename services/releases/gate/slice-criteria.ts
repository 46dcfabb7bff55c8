import type { GatePolicy } from "../../pipeline/gate.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Criterion } from "../../pipeline/release.ts";
import { CONFIDENCE_LEVEL } from "../../pipeline/verdict.ts";
import type { RowStructure } from "../../verdicts/judgement.ts";
import { compareSlices, type SliceComparison } from "../../verdicts/paired/compare-slices.ts";
import type { LossPair } from "./loss-meter.ts";

/** What screen rows say about a slice, or about a column whose slices cannot be compared. */
export interface SliceAnswer {
  readonly criterion: Criterion;
  readonly isMissing: boolean;
}

/**
 * Tests whether a slice gets worse, on screen rows only: that a small slice does not is never shown. All slices of all
 * columns are one family.
 *
 * @param pair undefined if the losses cannot be measured
 * @returns one answer for every degraded slice; for each column without one, that whose harm is surest
 */
export async function sliceCriteria(
  columns: GatePolicy["slices"],
  pair: LossPair | undefined,
  structure: RowStructure,
  { pipeline, seed }: { readonly pipeline: Pipeline; readonly seed: number },
): Promise<readonly SliceAnswer[]> {
  const wanted = columns.map((column) => structure.slices.find((one) => one.column === column));
  const compared =
    pair &&
    (await compareSlices(
      pair.reference,
      pair.candidate,
      wanted.filter((one) => one !== undefined),
      {
        groupings: pair.groupings,
        level: CONFIDENCE_LEVEL,
        minimumEffect: pipeline.verdict?.minimumEffect ?? 0,
        seed,
      },
    ));
  return columns.flatMap((column, at): readonly SliceAnswer[] => {
    const of = compared?.slices.filter((slice) => slice.column === column && slice.reason === undefined) ?? [];
    if (compared === undefined || wanted[at] === undefined) return [{ criterion: missing(column), isMissing: true }];
    const degraded = of.filter(({ kind }) => kind === "degraded");
    const surest = [...of].sort((a, b) => b.interval[0] - a.interval[0]).slice(0, 1);
    return (degraded.length > 0 ? degraded : surest).map((slice) => ({ criterion: ofSlice(slice), isMissing: false }));
  });
}

const missing = (column: string): Criterion => ({
  name: "slice",
  subject: column,
  difference: null,
  interval: null,
  margin: 0,
  screened: false,
  confirmed: null,
});

function ofSlice({ column, value, kind, currentLoss, relative, interval }: SliceComparison): Criterion {
  const loss = Math.abs(currentLoss);
  const ends = [interval[0] / loss, interval[1] / loss] as const;
  return {
    name: "slice",
    subject: `${column}=${value}`,
    difference: relative,
    interval: ends.every(Number.isFinite) ? ends : null,
    margin: 0,
    screened: kind !== "degraded",
    confirmed: null,
  };
}
