import type { DrawnSample, RowSample } from "./sample.ts";

/** What a sample did: `40 of 1000 rows; removed: 10 equal, 950 beyond 40`. @param rows that are left */
export function sampleText({ spec, before, removed }: DrawnSample, rows: number): string {
  const steps = [
    removed.distinct === undefined ? undefined : `${removed.distinct} equal`,
    removed.nearDuplicates === undefined
      ? undefined
      : `${removed.nearDuplicates} near duplicates in ${spec.nearDuplicates?.columns.join(", ")}`,
    removed.atMost === undefined
      ? undefined
      : `${removed.atMost} beyond ${spec.atMost?.rows} per ${spec.atMost?.column}`,
    removed.rows === undefined ? undefined : `${removed.rows} beyond ${spec.rows}${chosenBy(spec)}`,
  ];
  return `${rows} of ${before} rows; removed: ${steps.filter((step) => step !== undefined).join(", ")}`;
}

function chosenBy({ stratified }: RowSample): string {
  return stratified === undefined ? "" : ` by share of ${stratified}`;
}

/** Rows that are left of those that the steps before `rows` see, below which a run warns. */
const FEW = 0.1;

/**
 * Why a sample is probably not what the team means; undefined: nothing seems wrong.
 * @param rows that are left; @param batch rows per step
 */
export function sampleWarning(sample: DrawnSample, rows: number, batch: number): string | undefined {
  const { distinct = 0, nearDuplicates = 0, atMost = 0 } = sample.removed;
  const few = sample.before - distinct - nearDuplicates - atMost < FEW * sample.before;
  if (!few && rows >= batch) return undefined;
  const why = few ? "nearly all rows were removed" : `fewer rows are left than the batch size (${batch})`;
  return `sample: ${why}: ${sampleText(sample, rows)}`;
}
