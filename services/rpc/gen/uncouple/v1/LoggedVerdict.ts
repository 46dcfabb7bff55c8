// Original file: proto/uncouple/v1/evaluator.proto

import type { Long } from '@grpc/proto-loader';

export interface LoggedVerdict {
  /**
   * Its place in the log of verdicts; not set in a list.
   */
  'position'?: (number | string | Long);
  /**
   * The verdict as a JSON document, as it stands in the log.
   */
  'verdict'?: (string);
}

export interface LoggedVerdict__Output {
  /**
   * Its place in the log of verdicts; not set in a list.
   */
  'position': (string);
  /**
   * The verdict as a JSON document, as it stands in the log.
   */
  'verdict': (string);
}
