// Original file: proto/uncouple/v1/trainer.proto

export const TrainerState = {
  TRAINER_STATE_UNSPECIFIED: 'TRAINER_STATE_UNSPECIFIED',
  /**
   * Waiting for data or connections.
   */
  TRAINER_STATE_STARTING: 'TRAINER_STATE_STARTING',
  TRAINER_STATE_IDLE: 'TRAINER_STATE_IDLE',
  TRAINER_STATE_TRAINING: 'TRAINER_STATE_TRAINING',
  /**
   * New runs are rejected.
   */
  TRAINER_STATE_STOPPING: 'TRAINER_STATE_STOPPING',
} as const;

export type TrainerState =
  | 'TRAINER_STATE_UNSPECIFIED'
  | 0
  /**
   * Waiting for data or connections.
   */
  | 'TRAINER_STATE_STARTING'
  | 1
  | 'TRAINER_STATE_IDLE'
  | 2
  | 'TRAINER_STATE_TRAINING'
  | 3
  /**
   * New runs are rejected.
   */
  | 'TRAINER_STATE_STOPPING'
  | 4

export type TrainerState__Output = typeof TrainerState[keyof typeof TrainerState]
