// Original file: proto/uncouple/v1/evaluator.proto

import type { QuarantineReason as _uncouple_v1_QuarantineReason, QuarantineReason__Output as _uncouple_v1_QuarantineReason__Output } from '../../uncouple/v1/QuarantineReason.ts';

export interface Quarantine {
  'pipeline'?: (string);
  'component'?: (string);
  'serial'?: (number);
  'reason'?: (_uncouple_v1_QuarantineReason);
  /**
   * A human-readable description of what was found where.
   */
  'detail'?: (string);
  'evaluator'?: (string);
  'judgedAt'?: (string);
}

export interface Quarantine__Output {
  'pipeline': (string);
  'component': (string);
  'serial': (number);
  'reason': (_uncouple_v1_QuarantineReason__Output);
  /**
   * A human-readable description of what was found where.
   */
  'detail': (string);
  'evaluator': (string);
  'judgedAt': (string);
}
