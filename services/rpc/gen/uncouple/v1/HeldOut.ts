// Original file: proto/uncouple/v1/verdict.proto

import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../google/protobuf/Struct.ts';

/**
 * The held-out rows that a verdict is about.
 */
export interface HeldOut {
  'fingerprint'?: (string);
  /**
   * How often the held-out split was renewed, counted from 1.
   */
  'generation'?: (number);
  'other'?: (_google_protobuf_Struct | null);
}

/**
 * The held-out rows that a verdict is about.
 */
export interface HeldOut__Output {
  'fingerprint': (string);
  /**
   * How often the held-out split was renewed, counted from 1.
   */
  'generation': (number);
  'other': (_google_protobuf_Struct__Output | null);
}
