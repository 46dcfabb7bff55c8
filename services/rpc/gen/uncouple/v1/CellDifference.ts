// Original file: proto/uncouple/v1/evaluator.proto

import type { Interval as _uncouple_v1_Interval, Interval__Output as _uncouple_v1_Interval__Output } from '../../uncouple/v1/Interval.ts';

/**
 * The paired difference in pipeline loss of a cell to the cell in use; negative is better.
 */
export interface CellDifference {
  /**
   * As `Verdict.kind`, without `self-defeating`. The kinds of all cells of all edges hold together.
   */
  'kind'?: (string);
  /**
   * Why it is inconclusive: `too-few-rows`.
   */
  'reason'?: (string);
  'difference'?: (number | string);
  /**
   * The difference as a fraction of the loss of the cell in use; unset if that is 0.
   */
  'relative'?: (number | string);
  'interval'?: (_uncouple_v1_Interval | null);
  /**
   * Confidence level of the interval.
   */
  'level'?: (number | string);
  '_reason'?: "reason";
  '_relative'?: "relative";
}

/**
 * The paired difference in pipeline loss of a cell to the cell in use; negative is better.
 */
export interface CellDifference__Output {
  /**
   * As `Verdict.kind`, without `self-defeating`. The kinds of all cells of all edges hold together.
   */
  'kind': (string);
  /**
   * Why it is inconclusive: `too-few-rows`.
   */
  'reason'?: (string);
  'difference': (number);
  /**
   * The difference as a fraction of the loss of the cell in use; unset if that is 0.
   */
  'relative'?: (number);
  'interval': (_uncouple_v1_Interval__Output | null);
  /**
   * Confidence level of the interval.
   */
  'level': (number);
  '_reason'?: "reason";
  '_relative'?: "relative";
}
