// Original file: proto/uncouple/v1/evaluator.proto

/**
 * Why a snapshot is refused.
 */
export const QuarantineReason = {
  QUARANTINE_REASON_UNSPECIFIED: 'QUARANTINE_REASON_UNSPECIFIED',
  /**
   * Not an ONNX model that loads.
   */
  QUARANTINE_REASON_MALFORMED_MODEL: 'QUARANTINE_REASON_MALFORMED_MODEL',
  /**
   * Larger than the evaluator's limit.
   */
  QUARANTINE_REASON_OVERSIZED: 'QUARANTINE_REASON_OVERSIZED',
  /**
   * The bytes are not those that the manifest announces.
   */
  QUARANTINE_REASON_DIGEST_MISMATCH: 'QUARANTINE_REASON_DIGEST_MISMATCH',
  /**
   * Its inputs are not those of the pipeline file.
   */
  QUARANTINE_REASON_WRONG_INPUTS: 'QUARANTINE_REASON_WRONG_INPUTS',
  /**
   * Its output is not that of the pipeline file, by name or shape.
   */
  QUARANTINE_REASON_WRONG_OUTPUT: 'QUARANTINE_REASON_WRONG_OUTPUT',
  /**
   * It predicts NaN or infinity.
   */
  QUARANTINE_REASON_NOT_FINITE: 'QUARANTINE_REASON_NOT_FINITE',
  /**
   * Its rows are not probabilities where the pipeline file wants them.
   */
  QUARANTINE_REASON_NOT_PROBABILITIES: 'QUARANTINE_REASON_NOT_PROBABILITIES',
  /**
   * Evaluating it failed again and again for no cause outside.
   */
  QUARANTINE_REASON_EVALUATION_FAILED: 'QUARANTINE_REASON_EVALUATION_FAILED',
} as const;

/**
 * Why a snapshot is refused.
 */
export type QuarantineReason =
  | 'QUARANTINE_REASON_UNSPECIFIED'
  | 0
  /**
   * Not an ONNX model that loads.
   */
  | 'QUARANTINE_REASON_MALFORMED_MODEL'
  | 1
  /**
   * Larger than the evaluator's limit.
   */
  | 'QUARANTINE_REASON_OVERSIZED'
  | 2
  /**
   * The bytes are not those that the manifest announces.
   */
  | 'QUARANTINE_REASON_DIGEST_MISMATCH'
  | 3
  /**
   * Its inputs are not those of the pipeline file.
   */
  | 'QUARANTINE_REASON_WRONG_INPUTS'
  | 4
  /**
   * Its output is not that of the pipeline file, by name or shape.
   */
  | 'QUARANTINE_REASON_WRONG_OUTPUT'
  | 5
  /**
   * It predicts NaN or infinity.
   */
  | 'QUARANTINE_REASON_NOT_FINITE'
  | 6
  /**
   * Its rows are not probabilities where the pipeline file wants them.
   */
  | 'QUARANTINE_REASON_NOT_PROBABILITIES'
  | 7
  /**
   * Evaluating it failed again and again for no cause outside.
   */
  | 'QUARANTINE_REASON_EVALUATION_FAILED'
  | 8

/**
 * Why a snapshot is refused.
 */
export type QuarantineReason__Output = typeof QuarantineReason[keyof typeof QuarantineReason]
