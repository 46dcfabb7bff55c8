// Original file: proto/uncouple/v1/evaluator.proto

import type { Long } from '@grpc/proto-loader';

export interface LoggedVerdict {
  /**
   * Position in the verdict log; unset in ListVerdicts.
   */
  'position'?: (number | string | Long);
  /**
   * The verdict as a JSON document, as stored in the log.
   */
  'verdict'?: (string);
}

export interface LoggedVerdict__Output {
  /**
   * Position in the verdict log; unset in ListVerdicts.
   */
  'position': (string);
  /**
   * The verdict as a JSON document, as stored in the log.
   */
  'verdict': (string);
}
