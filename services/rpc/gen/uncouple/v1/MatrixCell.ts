// Original file: proto/uncouple/v1/evaluator.proto

import type { CellDifference as _uncouple_v1_CellDifference, CellDifference__Output as _uncouple_v1_CellDifference__Output } from '../../uncouple/v1/CellDifference.ts';

export interface MatrixCell {
  'upstreamSerial'?: (number);
  'downstreamSerial'?: (number);
  'loss'?: (number | string);
  /**
   * Compares the cell with the one in use; unset for that one, and unless the request asked for intervals.
   */
  'comparison'?: (_uncouple_v1_CellDifference | null);
}

export interface MatrixCell__Output {
  'upstreamSerial': (number);
  'downstreamSerial': (number);
  'loss': (number);
  /**
   * Compares the cell with the one in use; unset for that one, and unless the request asked for intervals.
   */
  'comparison': (_uncouple_v1_CellDifference__Output | null);
}
