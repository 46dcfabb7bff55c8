// Original file: proto/uncouple/v1/evaluator.proto

import type { Long } from '@grpc/proto-loader';

export interface ListVerdictsRequest {
  /**
   * The first position to list; 0 starts at the first verdict.
   */
  'from'?: (number | string | Long);
  /**
   * Maximum number of verdicts; 0 lists all.
   */
  'limit'?: (number);
}

export interface ListVerdictsRequest__Output {
  /**
   * The first position to list; 0 starts at the first verdict.
   */
  'from': (string);
  /**
   * Maximum number of verdicts; 0 lists all.
   */
  'limit': (number);
}
