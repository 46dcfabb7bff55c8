// Original file: proto/uncouple/v1/evaluator.proto

import type { MatrixCell as _uncouple_v1_MatrixCell, MatrixCell__Output as _uncouple_v1_MatrixCell__Output } from '../../uncouple/v1/MatrixCell.ts';
import type { SnapshotPair as _uncouple_v1_SnapshotPair, SnapshotPair__Output as _uncouple_v1_SnapshotPair__Output } from '../../uncouple/v1/SnapshotPair.ts';
import type { MatrixIntervals as _uncouple_v1_MatrixIntervals, MatrixIntervals__Output as _uncouple_v1_MatrixIntervals__Output } from '../../uncouple/v1/MatrixIntervals.ts';
import type { ConsistencyGap as _uncouple_v1_ConsistencyGap, ConsistencyGap__Output as _uncouple_v1_ConsistencyGap__Output } from '../../uncouple/v1/ConsistencyGap.ts';

export interface Matrix {
  'upstream'?: (string);
  'downstream'?: (string);
  'upstreamSerials'?: (number)[];
  'downstreamSerials'?: (number)[];
  /**
   * Pairs whose composed predictions are not finite have no cell.
   */
  'cells'?: (_uncouple_v1_MatrixCell)[];
  /**
   * The pair in use; unset while one of the components has no snapshot in use.
   */
  'current'?: (_uncouple_v1_SnapshotPair | null);
  /**
   * Set if the request asked for intervals.
   */
  'intervals'?: (_uncouple_v1_MatrixIntervals | null);
  /**
   * Of the snapshots in use; unset if it cannot be measured.
   */
  'gap'?: (_uncouple_v1_ConsistencyGap | null);
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
  /**
   * The pair in use; unset while one of the components has no snapshot in use.
   */
  'current': (_uncouple_v1_SnapshotPair__Output | null);
  /**
   * Set if the request asked for intervals.
   */
  'intervals': (_uncouple_v1_MatrixIntervals__Output | null);
  /**
   * Of the snapshots in use; unset if it cannot be measured.
   */
  'gap': (_uncouple_v1_ConsistencyGap__Output | null);
}
