// Original file: proto/uncouple/v1/trainer.proto

export const RunTrigger = {
  RUN_TRIGGER_UNSPECIFIED: 'RUN_TRIGGER_UNSPECIFIED',
  /**
   * Requested through StartRun.
   */
  RUN_TRIGGER_REQUEST: 'RUN_TRIGGER_REQUEST',
  RUN_TRIGGER_INTERVAL: 'RUN_TRIGGER_INTERVAL',
  /**
   * Triggered by a new upstream snapshot.
   */
  RUN_TRIGGER_UPSTREAM: 'RUN_TRIGGER_UPSTREAM',
  /**
   * Requested by a gate, to train on a candidate that is not released.
   */
  RUN_TRIGGER_CANDIDATE: 'RUN_TRIGGER_CANDIDATE',
} as const;

export type RunTrigger =
  | 'RUN_TRIGGER_UNSPECIFIED'
  | 0
  /**
   * Requested through StartRun.
   */
  | 'RUN_TRIGGER_REQUEST'
  | 1
  | 'RUN_TRIGGER_INTERVAL'
  | 2
  /**
   * Triggered by a new upstream snapshot.
   */
  | 'RUN_TRIGGER_UPSTREAM'
  | 3
  /**
   * Requested by a gate, to train on a candidate that is not released.
   */
  | 'RUN_TRIGGER_CANDIDATE'
  | 4

export type RunTrigger__Output = typeof RunTrigger[keyof typeof RunTrigger]
