/** How the values of one coordinate of a column were distributed over the training rows. */
export interface CoordinateProfile {
  /**
   * Of a numeric coordinate: the upper bounds, inclusive, of all bins but the last, ascending. They are the distinct deciles.
   */
  readonly edges?: readonly number[];
  /** Of a numeric coordinate: its 0.1 % and 99.9 % quantiles. */
  readonly range?: readonly [low: number, high: number];
  /** Of a text column: its most frequent values; the last bin has all others. */
  readonly values?: readonly string[];
  /** The share of rows in each bin, one more than there are `edges` or `values`. */
  readonly shares: readonly number[];
}

/** What a column looked like in the training rows: enough to tell whether other rows are like them. */
export interface ColumnProfile {
  readonly name: string;
  /** One per coordinate; one for a text column. */
  readonly coordinates: readonly CoordinateProfile[];
}
