// Original file: proto/uncouple/v1/evaluator.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchVerdictsRequest {
  /**
   * 0: all there ever were.
   */
  'from'?: (number | string | Long);
}

export interface WatchVerdictsRequest__Output {
  /**
   * 0: all there ever were.
   */
  'from': (string);
}
