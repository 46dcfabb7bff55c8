// Original file: proto/uncouple/v1/snapshot.proto

export const TensorKind = {
  TENSOR_KIND_UNSPECIFIED: 'TENSOR_KIND_UNSPECIFIED',
  /**
   * float32
   */
  TENSOR_KIND_NUMERIC: 'TENSOR_KIND_NUMERIC',
  /**
   * Strings, of width 1.
   */
  TENSOR_KIND_CATEGORICAL: 'TENSOR_KIND_CATEGORICAL',
} as const;

export type TensorKind =
  | 'TENSOR_KIND_UNSPECIFIED'
  | 0
  /**
   * float32
   */
  | 'TENSOR_KIND_NUMERIC'
  | 1
  /**
   * Strings, of width 1.
   */
  | 'TENSOR_KIND_CATEGORICAL'
  | 2

export type TensorKind__Output = typeof TensorKind[keyof typeof TensorKind]
