// Original file: proto/uncouple/v1/snapshot.proto

import type { TensorKind as _uncouple_v1_TensorKind, TensorKind__Output as _uncouple_v1_TensorKind__Output } from '../../uncouple/v1/TensorKind.ts';

/**
 * An input or output of shape [rows, width], row-major.
 */
export interface TensorSpec {
  'name'?: (string);
  'kind'?: (_uncouple_v1_TensorKind);
  'width'?: (number);
}

/**
 * An input or output of shape [rows, width], row-major.
 */
export interface TensorSpec__Output {
  'name': (string);
  'kind': (_uncouple_v1_TensorKind__Output);
  'width': (number);
}
