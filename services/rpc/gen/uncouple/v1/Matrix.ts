// Original file: proto/uncouple/v1/evaluator.proto

import type { MatrixCell as _uncouple_v1_MatrixCell, MatrixCell__Output as _uncouple_v1_MatrixCell__Output } from '../../uncouple/v1/MatrixCell.ts';

export interface Matrix {
  'upstream'?: (string);
  'downstream'?: (string);
  'upstreamSerials'?: (number)[];
  'downstreamSerials'?: (number)[];
  /**
   * Pairs whose composed predictions are not finite have no cell.
   */
  'cells'?: (_uncouple_v1_MatrixCell)[];
}

export interface Matrix__Output {
  'upstream': (string);
  'downstream': (string);
  'upstreamSerials': (number)[];
  'downstreamSerials': (number)[];
  /**
   * Pairs whose composed predictions are not finite have no cell.
   */
  'cells': (_uncouple_v1_MatrixCell__Output)[];
}
