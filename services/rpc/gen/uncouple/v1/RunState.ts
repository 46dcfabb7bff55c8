// Original file: proto/uncouple/v1/trainer.proto

export const RunState = {
  RUN_STATE_UNSPECIFIED: 'RUN_STATE_UNSPECIFIED',
  RUN_STATE_QUEUED: 'RUN_STATE_QUEUED',
  /**
   * Waiting for a verdict on an upstream snapshot, or for the lease that allows one component at a time to train (protocol
   * `sync`).
   */
  RUN_STATE_WAITING: 'RUN_STATE_WAITING',
  RUN_STATE_RUNNING: 'RUN_STATE_RUNNING',
  RUN_STATE_PUBLISHING: 'RUN_STATE_PUBLISHING',
  RUN_STATE_SUCCEEDED: 'RUN_STATE_SUCCEEDED',
  RUN_STATE_FAILED: 'RUN_STATE_FAILED',
  RUN_STATE_CANCELLED: 'RUN_STATE_CANCELLED',
} as const;

export type RunState =
  | 'RUN_STATE_UNSPECIFIED'
  | 0
  | 'RUN_STATE_QUEUED'
  | 1
  /**
   * Waiting for a verdict on an upstream snapshot, or for the lease that allows one component at a time to train (protocol
   * `sync`).
   */
  | 'RUN_STATE_WAITING'
  | 2
  | 'RUN_STATE_RUNNING'
  | 3
  | 'RUN_STATE_PUBLISHING'
  | 4
  | 'RUN_STATE_SUCCEEDED'
  | 5
  | 'RUN_STATE_FAILED'
  | 6
  | 'RUN_STATE_CANCELLED'
  | 7

export type RunState__Output = typeof RunState[keyof typeof RunState]
