// Original file: proto/uncouple/v1/worker.proto

import type { UnitFate as _uncouple_v1_UnitFate, UnitFate__Output as _uncouple_v1_UnitFate__Output } from '../../uncouple/v1/UnitFate.ts';

export interface SubmitResponse {
  'fate'?: (_uncouple_v1_UnitFate);
  /**
   * Why, for people.
   */
  'reason'?: (string);
}

export interface SubmitResponse__Output {
  'fate': (_uncouple_v1_UnitFate__Output);
  /**
   * Why, for people.
   */
  'reason': (string);
}
