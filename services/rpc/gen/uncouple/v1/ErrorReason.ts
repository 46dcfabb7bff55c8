// Original file: proto/uncouple/v1/common.proto

/**
 * Why something was refused or failed: a closed set. The trailer `uncouple-reason` of a refused call carries the
 * name, and each has its own gRPC status.
 */
export const ErrorReason = {
  ERROR_REASON_UNSPECIFIED: 'ERROR_REASON_UNSPECIFIED',
  /**
   * INVALID_ARGUMENT. The input is wrong: a file, a flag, a message. Repeating the call cannot help.
   */
  INVALID_ARGUMENT: 'INVALID_ARGUMENT',
  /**
   * NOT_FOUND. What was named does not exist: a run, a snapshot.
   */
  NOT_FOUND: 'NOT_FOUND',
  /**
   * ABORTED. It exists already, or somebody else changed it first.
   */
  CONFLICT: 'CONFLICT',
  /**
   * FAILED_PRECONDITION. The state does not admit the call now: no upstream snapshot to impute with, a run that has
   * ended already.
   */
  FAILED_PRECONDITION: 'FAILED_PRECONDITION',
  /**
   * RESOURCE_EXHAUSTED. A queue, a bucket or a size limit is full.
   */
  RESOURCE_EXHAUSTED: 'RESOURCE_EXHAUSTED',
  /**
   * CANCELLED. The caller or a shutdown stopped it.
   */
  CANCELLED: 'CANCELLED',
  /**
   * DEADLINE_EXCEEDED. No answer in time; the message names the time limit that fired.
   */
  DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
  /**
   * UNAVAILABLE. A server that it needs is not reachable, or is stopping.
   */
  UNAVAILABLE: 'UNAVAILABLE',
  /**
   * DATA_LOSS. Bytes are missing, damaged, or not what their digest says.
   */
  DATA_LOSS: 'DATA_LOSS',
  /**
   * INTERNAL. A defect of Uncouple.
   */
  INTERNAL: 'INTERNAL',
} as const;

/**
 * Why something was refused or failed: a closed set. The trailer `uncouple-reason` of a refused call carries the
 * name, and each has its own gRPC status.
 */
export type ErrorReason =
  | 'ERROR_REASON_UNSPECIFIED'
  | 0
  /**
   * INVALID_ARGUMENT. The input is wrong: a file, a flag, a message. Repeating the call cannot help.
   */
  | 'INVALID_ARGUMENT'
  | 1
  /**
   * NOT_FOUND. What was named does not exist: a run, a snapshot.
   */
  | 'NOT_FOUND'
  | 2
  /**
   * ABORTED. It exists already, or somebody else changed it first.
   */
  | 'CONFLICT'
  | 3
  /**
   * FAILED_PRECONDITION. The state does not admit the call now: no upstream snapshot to impute with, a run that has
   * ended already.
   */
  | 'FAILED_PRECONDITION'
  | 4
  /**
   * RESOURCE_EXHAUSTED. A queue, a bucket or a size limit is full.
   */
  | 'RESOURCE_EXHAUSTED'
  | 5
  /**
   * CANCELLED. The caller or a shutdown stopped it.
   */
  | 'CANCELLED'
  | 6
  /**
   * DEADLINE_EXCEEDED. No answer in time; the message names the time limit that fired.
   */
  | 'DEADLINE_EXCEEDED'
  | 7
  /**
   * UNAVAILABLE. A server that it needs is not reachable, or is stopping.
   */
  | 'UNAVAILABLE'
  | 8
  /**
   * DATA_LOSS. Bytes are missing, damaged, or not what their digest says.
   */
  | 'DATA_LOSS'
  | 9
  /**
   * INTERNAL. A defect of Uncouple.
   */
  | 'INTERNAL'
  | 10

/**
 * Why something was refused or failed: a closed set. The trailer `uncouple-reason` of a refused call carries the
 * name, and each has its own gRPC status.
 */
export type ErrorReason__Output = typeof ErrorReason[keyof typeof ErrorReason]
