// Original file: proto/uncouple/v1/common.proto

/**
 * Why a call was refused or a run failed: a closed set. The trailer `uncouple-reason` of a failed call carries the name,
 * and each reason maps to one gRPC status.
 */
export const ErrorReason = {
  ERROR_REASON_UNSPECIFIED: 'ERROR_REASON_UNSPECIFIED',
  /**
   * INVALID_ARGUMENT. The input is invalid: a file, a flag, a message. Retrying cannot help.
   */
  INVALID_ARGUMENT: 'INVALID_ARGUMENT',
  /**
   * NOT_FOUND. The run or snapshot does not exist.
   */
  NOT_FOUND: 'NOT_FOUND',
  /**
   * ABORTED. It already exists, or another writer changed it first.
   */
  CONFLICT: 'CONFLICT',
  /**
   * FAILED_PRECONDITION. The current state does not allow the call: no upstream snapshot to impute with, a run that has
   * already ended.
   */
  FAILED_PRECONDITION: 'FAILED_PRECONDITION',
  /**
   * RESOURCE_EXHAUSTED. A queue, bucket or size limit has been reached.
   */
  RESOURCE_EXHAUSTED: 'RESOURCE_EXHAUSTED',
  /**
   * CANCELLED. The caller or a shutdown canceled it.
   */
  CANCELLED: 'CANCELLED',
  /**
   * DEADLINE_EXCEEDED. No response in time; the message names the timeout that fired.
   */
  DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
  /**
   * UNAVAILABLE. A required server is unreachable or shutting down.
   */
  UNAVAILABLE: 'UNAVAILABLE',
  /**
   * DATA_LOSS. Bytes are missing, corrupted, or do not match their digest.
   */
  DATA_LOSS: 'DATA_LOSS',
  /**
   * INTERNAL. A bug in Uncouple.
   */
  INTERNAL: 'INTERNAL',
  /**
   * NOT_FOUND. The snapshot's model was deleted by the pipeline's retention policy.
   */
  DELETED: 'DELETED',
  /**
   * UNAUTHENTICATED. A server refuses the credentials, or its certificate cannot be trusted.
   */
  UNAUTHENTICATED: 'UNAUTHENTICATED',
} as const;

/**
 * Why a call was refused or a run failed: a closed set. The trailer `uncouple-reason` of a failed call carries the name,
 * and each reason maps to one gRPC status.
 */
export type ErrorReason =
  | 'ERROR_REASON_UNSPECIFIED'
  | 0
  /**
   * INVALID_ARGUMENT. The input is invalid: a file, a flag, a message. Retrying cannot help.
   */
  | 'INVALID_ARGUMENT'
  | 1
  /**
   * NOT_FOUND. The run or snapshot does not exist.
   */
  | 'NOT_FOUND'
  | 2
  /**
   * ABORTED. It already exists, or another writer changed it first.
   */
  | 'CONFLICT'
  | 3
  /**
   * FAILED_PRECONDITION. The current state does not allow the call: no upstream snapshot to impute with, a run that has
   * already ended.
   */
  | 'FAILED_PRECONDITION'
  | 4
  /**
   * RESOURCE_EXHAUSTED. A queue, bucket or size limit has been reached.
   */
  | 'RESOURCE_EXHAUSTED'
  | 5
  /**
   * CANCELLED. The caller or a shutdown canceled it.
   */
  | 'CANCELLED'
  | 6
  /**
   * DEADLINE_EXCEEDED. No response in time; the message names the timeout that fired.
   */
  | 'DEADLINE_EXCEEDED'
  | 7
  /**
   * UNAVAILABLE. A required server is unreachable or shutting down.
   */
  | 'UNAVAILABLE'
  | 8
  /**
   * DATA_LOSS. Bytes are missing, corrupted, or do not match their digest.
   */
  | 'DATA_LOSS'
  | 9
  /**
   * INTERNAL. A bug in Uncouple.
   */
  | 'INTERNAL'
  | 10
  /**
   * NOT_FOUND. The snapshot's model was deleted by the pipeline's retention policy.
   */
  | 'DELETED'
  | 11
  /**
   * UNAUTHENTICATED. A server refuses the credentials, or its certificate cannot be trusted.
   */
  | 'UNAUTHENTICATED'
  | 12

/**
 * Why a call was refused or a run failed: a closed set. The trailer `uncouple-reason` of a failed call carries the name,
 * and each reason maps to one gRPC status.
 */
export type ErrorReason__Output = typeof ErrorReason[keyof typeof ErrorReason]
