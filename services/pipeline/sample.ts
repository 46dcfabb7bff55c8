/**
 * What a team keeps of its training rows: `sample` in a team file. The steps are applied in the order of the fields. "First"
 * means: with the smallest hash of `data.key`, or of the row number without a key.
 */
export interface RowSample {
  /** Of rows with equal values in all columns that the team sees, the first is kept. */
  readonly distinct?: true;
  /** A row is removed if it is near to one before it that is kept: in each column, at most `distance` away. */
  readonly nearDuplicates?: {
    /** The first finds the rows to compare, so it should differ most. */
    readonly columns: readonly string[];
    /** Of texts, insertions, deletions and replacements of characters; of numbers, the absolute difference. */
    readonly distance: number;
  };
  /** Of each value of the column, the first `rows` rows are kept. */
  readonly atMost?: { readonly column: string; readonly rows: number };
  /** At most this many rows are kept, at least 1. */
  readonly rows?: number;
  /** With `rows`: each value of the column keeps its share, and at least one row. Absent: the first rows are kept. */
  readonly stratified?: string;
}

/** What a sample did to the training rows. Open, as provenance is. */
export interface DrawnSample {
  readonly spec: RowSample;
  /** Good training rows before. */
  readonly before: number;
  /** Rows that each step removed; absent: not a step of this sample. */
  readonly removed: {
    readonly distinct?: number;
    readonly nearDuplicates?: number;
    readonly atMost?: number;
    readonly rows?: number;
  };
}

/** Columns that a sample names, whose values it reads as text. */
export function sampleLabels({ atMost, stratified }: RowSample): readonly string[] {
  return [...(atMost === undefined ? [] : [atMost.column]), ...(stratified === undefined ? [] : [stratified])];
}
