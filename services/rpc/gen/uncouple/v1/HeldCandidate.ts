// Original file: proto/uncouple/v1/evaluator.proto


/**
 * A snapshot that is newer than the one in use, and that the gate holds.
 */
export interface HeldCandidate {
  'component'?: (string);
  'serial'?: (number);
  /**
   * As `reasons` of a decision: `inconclusive`, `spent`, `held-by-person`, ...
   */
  'reasons'?: (string)[];
  /**
   * Components to retrain on it.
   */
  'needs'?: (string)[];
  /**
   * When it was first held, in ISO 8601.
   */
  'since'?: (string);
}

/**
 * A snapshot that is newer than the one in use, and that the gate holds.
 */
export interface HeldCandidate__Output {
  'component': (string);
  'serial': (number);
  /**
   * As `reasons` of a decision: `inconclusive`, `spent`, `held-by-person`, ...
   */
  'reasons': (string)[];
  /**
   * Components to retrain on it.
   */
  'needs': (string)[];
  /**
   * When it was first held, in ISO 8601.
   */
  'since': (string);
}
