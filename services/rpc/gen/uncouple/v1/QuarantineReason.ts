// Original file: proto/uncouple/v1/evaluator.proto

/**
 * Why a snapshot is quarantined.
 */
export const QuarantineReason = {
  QUARANTINE_REASON_UNSPECIFIED: 'QUARANTINE_REASON_UNSPECIFIED',
  /**
   * The bytes are not a loadable ONNX model.
   */
  QUARANTINE_REASON_MALFORMED_MODEL: 'QUARANTINE_REASON_MALFORMED_MODEL',
  /**
   * The model exceeds the evaluator's size limit.
   */
  QUARANTINE_REASON_OVERSIZED: 'QUARANTINE_REASON_OVERSIZED',
  /**
   * The bytes do not match the digest or size in the manifest.
   */
  QUARANTINE_REASON_DIGEST_MISMATCH: 'QUARANTINE_REASON_DIGEST_MISMATCH',
  /**
   * The inputs differ from the pipeline file.
   */
  QUARANTINE_REASON_WRONG_INPUTS: 'QUARANTINE_REASON_WRONG_INPUTS',
  /**
   * The output's name or shape differs from the pipeline file.
   */
  QUARANTINE_REASON_WRONG_OUTPUT: 'QUARANTINE_REASON_WRONG_OUTPUT',
  /**
   * A prediction is NaN or infinite.
   */
  QUARANTINE_REASON_NOT_FINITE: 'QUARANTINE_REASON_NOT_FINITE',
  /**
   * The pipeline file declares probabilities, and a row is not a distribution.
   */
  QUARANTINE_REASON_NOT_PROBABILITIES: 'QUARANTINE_REASON_NOT_PROBABILITIES',
  /**
   * Evaluation failed repeatedly for reasons of its own.
   */
  QUARANTINE_REASON_EVALUATION_FAILED: 'QUARANTINE_REASON_EVALUATION_FAILED',
  /**
   * The model has an operator, a domain or an attribute that is not on the list of allowed ones.
   */
  QUARANTINE_REASON_FORBIDDEN_OPERATOR: 'QUARANTINE_REASON_FORBIDDEN_OPERATOR',
  /**
   * Two calls with the same rows differ.
   */
  QUARANTINE_REASON_NOT_DETERMINISTIC: 'QUARANTINE_REASON_NOT_DETERMINISTIC',
  /**
   * A row's prediction depends on the other rows of its call, or on their number.
   */
  QUARANTINE_REASON_NOT_ROW_WISE: 'QUARANTINE_REASON_NOT_ROW_WISE',
  /**
   * The model exceeds the limit of time or memory.
   */
  QUARANTINE_REASON_TOO_EXPENSIVE: 'QUARANTINE_REASON_TOO_EXPENSIVE',
  /**
   * The snapshot was trained on rows that are held out.
   */
  QUARANTINE_REASON_TRAINED_ON_HELD_OUT: 'QUARANTINE_REASON_TRAINED_ON_HELD_OUT',
  /**
   * The snapshot fails a test that may not fail.
   */
  QUARANTINE_REASON_FAILED_TEST: 'QUARANTINE_REASON_FAILED_TEST',
} as const;

/**
 * Why a snapshot is quarantined.
 */
export type QuarantineReason =
  | 'QUARANTINE_REASON_UNSPECIFIED'
  | 0
  /**
   * The bytes are not a loadable ONNX model.
   */
  | 'QUARANTINE_REASON_MALFORMED_MODEL'
  | 1
  /**
   * The model exceeds the evaluator's size limit.
   */
  | 'QUARANTINE_REASON_OVERSIZED'
  | 2
  /**
   * The bytes do not match the digest or size in the manifest.
   */
  | 'QUARANTINE_REASON_DIGEST_MISMATCH'
  | 3
  /**
   * The inputs differ from the pipeline file.
   */
  | 'QUARANTINE_REASON_WRONG_INPUTS'
  | 4
  /**
   * The output's name or shape differs from the pipeline file.
   */
  | 'QUARANTINE_REASON_WRONG_OUTPUT'
  | 5
  /**
   * A prediction is NaN or infinite.
   */
  | 'QUARANTINE_REASON_NOT_FINITE'
  | 6
  /**
   * The pipeline file declares probabilities, and a row is not a distribution.
   */
  | 'QUARANTINE_REASON_NOT_PROBABILITIES'
  | 7
  /**
   * Evaluation failed repeatedly for reasons of its own.
   */
  | 'QUARANTINE_REASON_EVALUATION_FAILED'
  | 8
  /**
   * The model has an operator, a domain or an attribute that is not on the list of allowed ones.
   */
  | 'QUARANTINE_REASON_FORBIDDEN_OPERATOR'
  | 9
  /**
   * Two calls with the same rows differ.
   */
  | 'QUARANTINE_REASON_NOT_DETERMINISTIC'
  | 10
  /**
   * A row's prediction depends on the other rows of its call, or on their number.
   */
  | 'QUARANTINE_REASON_NOT_ROW_WISE'
  | 11
  /**
   * The model exceeds the limit of time or memory.
   */
  | 'QUARANTINE_REASON_TOO_EXPENSIVE'
  | 12
  /**
   * The snapshot was trained on rows that are held out.
   */
  | 'QUARANTINE_REASON_TRAINED_ON_HELD_OUT'
  | 13
  /**
   * The snapshot fails a test that may not fail.
   */
  | 'QUARANTINE_REASON_FAILED_TEST'
  | 14

/**
 * Why a snapshot is quarantined.
 */
export type QuarantineReason__Output = typeof QuarantineReason[keyof typeof QuarantineReason]
