// Original file: proto/uncouple/v1/verdict.proto

import type { Interval as _uncouple_v1_Interval, Interval__Output as _uncouple_v1_Interval__Output } from '../../uncouple/v1/Interval.ts';
import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../google/protobuf/Struct.ts';

/**
 * The pipeline losses of two compositions on the same held-out rows.
 */
export interface Comparison {
  /**
   * Component to serial.
   */
  'current'?: ({[key: string]: number});
  'candidate'?: ({[key: string]: number});
  'currentLoss'?: (number | string);
  'candidateLoss'?: (number | string);
  /**
   * candidate_loss - current_loss; negative is better.
   */
  'difference'?: (number | string);
  'interval'?: (_uncouple_v1_Interval | null);
  /**
   * As `Verdict.kind`.
   */
  'kind'?: (string);
  /**
   * Also what the mean does not show: `skewness`, `detectable`, `rowsNeeded`, `harm`, `negativeFlips`, `objectives`,
   * `slices`, `worstSlice`, as in the JSON of `uncouple verdicts`; and of alternatives `method` and `level`.
   */
  'other'?: (_google_protobuf_Struct | null);
}

/**
 * The pipeline losses of two compositions on the same held-out rows.
 */
export interface Comparison__Output {
  /**
   * Component to serial.
   */
  'current': ({[key: string]: number});
  'candidate': ({[key: string]: number});
  'currentLoss': (number);
  'candidateLoss': (number);
  /**
   * candidate_loss - current_loss; negative is better.
   */
  'difference': (number);
  'interval': (_uncouple_v1_Interval__Output | null);
  /**
   * As `Verdict.kind`.
   */
  'kind': (string);
  /**
   * Also what the mean does not show: `skewness`, `detectable`, `rowsNeeded`, `harm`, `negativeFlips`, `objectives`,
   * `slices`, `worstSlice`, as in the JSON of `uncouple verdicts`; and of alternatives `method` and `level`.
   */
  'other': (_google_protobuf_Struct__Output | null);
}
