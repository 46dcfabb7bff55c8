// Original file: proto/uncouple/v1/evaluator.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchVerdictsRequest {
  /**
   * 0 starts at the first verdict.
   */
  'from'?: (number | string | Long);
}

export interface WatchVerdictsRequest__Output {
  /**
   * 0 starts at the first verdict.
   */
  'from': (string);
}
