// Original file: proto/uncouple/v1/worker.proto

import type { Error as _uncouple_v1_Error, Error__Output as _uncouple_v1_Error__Output } from '../../uncouple/v1/Error.ts';
import type { Long } from '@grpc/proto-loader';

export interface UnitResult {
  'worker'?: (string);
  'lease'?: (string);
  'job'?: (string);
  'slot'?: (number);
  'first'?: (number);
  'count'?: (number);
  /**
   * The state that it began with.
   */
  'base'?: (string);
  /**
   * SHA-256 and size of the state at the end.
   */
  'digest'?: (string);
  'size'?: (number | string | Long);
  /**
   * The loss of every step, before its update: float32, little-endian.
   */
  'losses'?: (Buffer | Uint8Array | string);
  /**
   * Why the unit could not be run; then no bytes follow.
   */
  'error'?: (_uncouple_v1_Error | null);
  /**
   * Seconds that it computed.
   */
  'seconds'?: (number | string);
  /**
   * The component of the training; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}

export interface UnitResult__Output {
  'worker': (string);
  'lease': (string);
  'job': (string);
  'slot': (number);
  'first': (number);
  'count': (number);
  /**
   * The state that it began with.
   */
  'base': (string);
  /**
   * SHA-256 and size of the state at the end.
   */
  'digest': (string);
  'size': (string);
  /**
   * The loss of every step, before its update: float32, little-endian.
   */
  'losses': (Buffer);
  /**
   * Why the unit could not be run; then no bytes follow.
   */
  'error': (_uncouple_v1_Error__Output | null);
  /**
   * Seconds that it computed.
   */
  'seconds': (number);
  /**
   * The component of the training; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}
