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
 * Why a snapshot is quarantined.
 */
export type QuarantineReason__Output = typeof QuarantineReason[keyof typeof QuarantineReason]
