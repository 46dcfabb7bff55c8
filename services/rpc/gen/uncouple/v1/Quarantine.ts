// Original file: proto/uncouple/v1/evaluator.proto

import type { QuarantineReason as _uncouple_v1_QuarantineReason, QuarantineReason__Output as _uncouple_v1_QuarantineReason__Output } from '../../uncouple/v1/QuarantineReason.ts';
import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../google/protobuf/Struct.ts';
import type { Long } from '@grpc/proto-loader';

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
  /**
   * The name of `reason`, also of one that this version of the enum does not have. Any reason is a refusal.
   */
  'reasonName'?: (string);
  /**
   * Fields that the sender does not know and has kept from the stored quarantine.
   */
  'other'?: (_google_protobuf_Struct | null);
  /**
   * Position in the quarantine log. Evaluators of version 0.1.0 leave it unset.
   */
  'position'?: (number | string | Long);
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
  /**
   * The name of `reason`, also of one that this version of the enum does not have. Any reason is a refusal.
   */
  'reasonName': (string);
  /**
   * Fields that the sender does not know and has kept from the stored quarantine.
   */
  'other': (_google_protobuf_Struct__Output | null);
  /**
   * Position in the quarantine log. Evaluators of version 0.1.0 leave it unset.
   */
  'position': (string);
}
