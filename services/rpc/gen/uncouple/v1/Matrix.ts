// Original file: proto/uncouple/v1/evaluator.proto

import type { MatrixCell as _uncouple_v1_MatrixCell, MatrixCell__Output as _uncouple_v1_MatrixCell__Output } from '../../uncouple/v1/MatrixCell.ts';

export interface Matrix {
  'upstream'?: (string);
  'downstream'?: (string);
  'upstreamSerials'?: (number)[];
  'downstreamSerials'?: (number)[];
  /**
   * A pair whose composed prediction is not finite has none.
   */
  'cells'?: (_uncouple_v1_MatrixCell)[];
}

export interface Matrix__Output {
  'upstream': (string);
  'downstream': (string);
  'upstreamSerials': (number)[];
  'downstreamSerials': (number)[];
  /**
   * A pair whose composed prediction is not finite has none.
   */
  'cells': (_uncouple_v1_MatrixCell__Output)[];
}
