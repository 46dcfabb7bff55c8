// Original file: proto/uncouple/v1/evaluator.proto


/**
 * The generation of held-out rows in use.
 */
export interface HeldOutStatus {
  /**
   * Its number, from 1.
   */
  'generation'?: (number);
  /**
   * ISO 8601.
   */
  'startedAt'?: (string);
  /**
   * Verdicts given on its rows.
   */
  'questions'?: (number);
  /**
   * How many the pipeline file declares them good for.
   */
  'horizon'?: (number);
  '_horizon'?: "horizon";
}

/**
 * The generation of held-out rows in use.
 */
export interface HeldOutStatus__Output {
  /**
   * Its number, from 1.
   */
  'generation': (number);
  /**
   * ISO 8601.
   */
  'startedAt': (string);
  /**
   * Verdicts given on its rows.
   */
  'questions': (number);
  /**
   * How many the pipeline file declares them good for.
   */
  'horizon'?: (number);
  '_horizon'?: "horizon";
}
