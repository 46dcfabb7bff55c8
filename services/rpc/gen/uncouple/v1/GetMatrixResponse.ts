// Original file: proto/uncouple/v1/evaluator.proto

import type { Matrix as _uncouple_v1_Matrix, Matrix__Output as _uncouple_v1_Matrix__Output } from '../../uncouple/v1/Matrix.ts';

export interface GetMatrixResponse {
  'edges'?: (_uncouple_v1_Matrix)[];
}

export interface GetMatrixResponse__Output {
  'edges': (_uncouple_v1_Matrix__Output)[];
}
