// Original file: proto/uncouple/v1/common.proto

import type { ErrorReason as _uncouple_v1_ErrorReason, ErrorReason__Output as _uncouple_v1_ErrorReason__Output } from '../../uncouple/v1/ErrorReason.ts';

export interface Error {
  'reason'?: (_uncouple_v1_ErrorReason);
  /**
   * A human-readable sentence.
   */
  'message'?: (string);
}

export interface Error__Output {
  'reason': (_uncouple_v1_ErrorReason__Output);
  /**
   * A human-readable sentence.
   */
  'message': (string);
}
