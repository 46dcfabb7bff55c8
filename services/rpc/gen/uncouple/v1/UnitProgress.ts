// Original file: proto/uncouple/v1/worker.proto

import type { Long } from '@grpc/proto-loader';

export interface UnitProgress {
  'lease'?: (string);
  /**
   * Grows with every bit of work: bytes fetched, steps done, bytes submitted.
   */
  'work'?: (number | string | Long);
}

export interface UnitProgress__Output {
  'lease': (string);
  /**
   * Grows with every bit of work: bytes fetched, steps done, bytes submitted.
   */
  'work': (string);
}
