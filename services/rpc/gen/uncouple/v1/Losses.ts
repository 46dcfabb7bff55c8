// Original file: proto/uncouple/v1/verdict.proto

import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../google/protobuf/Struct.ts';

/**
 * A missing loss cannot be measured.
 */
export interface Losses {
  'current'?: (number | string);
  'candidate'?: (number | string);
  'other'?: (_google_protobuf_Struct | null);
  '_current'?: "current";
  '_candidate'?: "candidate";
}

/**
 * A missing loss cannot be measured.
 */
export interface Losses__Output {
  'current'?: (number);
  'candidate'?: (number);
  'other': (_google_protobuf_Struct__Output | null);
  '_current'?: "current";
  '_candidate'?: "candidate";
}
