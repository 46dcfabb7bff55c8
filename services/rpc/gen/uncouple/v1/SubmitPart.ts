// Original file: proto/uncouple/v1/worker.proto

import type { UnitResult as _uncouple_v1_UnitResult, UnitResult__Output as _uncouple_v1_UnitResult__Output } from '../../uncouple/v1/UnitResult.ts';

export interface SubmitPart {
  /**
   * Comes first.
   */
  'result'?: (_uncouple_v1_UnitResult | null);
  /**
   * The state at the end, in order.
   */
  'chunk'?: (Buffer | Uint8Array | string);
  'part'?: "result"|"chunk";
}

export interface SubmitPart__Output {
  /**
   * Comes first.
   */
  'result'?: (_uncouple_v1_UnitResult__Output | null);
  /**
   * The state at the end, in order.
   */
  'chunk'?: (Buffer);
  'part'?: "result"|"chunk";
}
