// Original file: proto/uncouple/v1/verdict.proto

import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../google/protobuf/Struct.ts';

/**
 * The held-out rows that a verdict is about.
 */
export interface HeldOut {
  'fingerprint'?: (string);
  /**
   * The number of their generation, from 1. Losses of different generations cannot be compared.
   */
  'generation'?: (number);
  'other'?: (_google_protobuf_Struct | null);
  /**
   * The place of this verdict among those on the generation, from 1.
   */
  'question'?: (number);
  /**
   * How many the pipeline file declared the generation good for.
   */
  'horizon'?: (number);
  '_question'?: "question";
  '_horizon'?: "horizon";
}

/**
 * The held-out rows that a verdict is about.
 */
export interface HeldOut__Output {
  'fingerprint': (string);
  /**
   * The number of their generation, from 1. Losses of different generations cannot be compared.
   */
  'generation': (number);
  'other': (_google_protobuf_Struct__Output | null);
  /**
   * The place of this verdict among those on the generation, from 1.
   */
  'question'?: (number);
  /**
   * How many the pipeline file declared the generation good for.
   */
  'horizon'?: (number);
  '_question'?: "question";
  '_horizon'?: "horizon";
}
