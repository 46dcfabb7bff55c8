// Original file: proto/uncouple/v1/snapshot.proto

import type { TensorSpec as _uncouple_v1_TensorSpec, TensorSpec__Output as _uncouple_v1_TensorSpec__Output } from '../../uncouple/v1/TensorSpec.ts';

/**
 * The signature of a model.
 */
export interface ModelContract {
  'inputs'?: (_uncouple_v1_TensorSpec)[];
  'output'?: (_uncouple_v1_TensorSpec | null);
}

/**
 * The signature of a model.
 */
export interface ModelContract__Output {
  'inputs': (_uncouple_v1_TensorSpec__Output)[];
  'output': (_uncouple_v1_TensorSpec__Output | null);
}
