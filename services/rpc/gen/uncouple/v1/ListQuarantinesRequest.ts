// Original file: proto/uncouple/v1/evaluator.proto

import type { Long } from '@grpc/proto-loader';

export interface ListQuarantinesRequest {
  /**
   * The first position to list; 0 starts at the first quarantine.
   */
  'from'?: (number | string | Long);
  /**
   * Maximum number of quarantines; 0 lists all.
   */
  'limit'?: (number);
}

export interface ListQuarantinesRequest__Output {
  /**
   * The first position to list; 0 starts at the first quarantine.
   */
  'from': (string);
  /**
   * Maximum number of quarantines; 0 lists all.
   */
  'limit': (number);
}
