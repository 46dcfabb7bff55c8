// Original file: proto/uncouple/v1/evaluator.proto


export interface GetMatrixRequest {
  /**
   * Whether to compare every cell with the one in use. Evaluators of version 0.1.0 ignore it.
   */
  'intervals'?: (boolean);
}

export interface GetMatrixRequest__Output {
  /**
   * Whether to compare every cell with the one in use. Evaluators of version 0.1.0 ignore it.
   */
  'intervals': (boolean);
}
