// Original file: proto/uncouple/v1/evaluator.proto


export interface MatrixIntervals {
  /**
   * How they were computed: `hall`.
   */
  'method'?: (string);
  /**
   * Confidence level at which the kinds of all cells hold together.
   */
  'level'?: (number | string);
  /**
   * Number of distinct compositions compared with the one in use, over all edges.
   */
  'compared'?: (number);
}

export interface MatrixIntervals__Output {
  /**
   * How they were computed: `hall`.
   */
  'method': (string);
  /**
   * Confidence level at which the kinds of all cells hold together.
   */
  'level': (number);
  /**
   * Number of distinct compositions compared with the one in use, over all edges.
   */
  'compared': (number);
}
