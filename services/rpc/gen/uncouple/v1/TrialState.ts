// Original file: proto/uncouple/v1/tuning.proto

export const TrialState = {
  TRIAL_STATE_UNSPECIFIED: 'TRIAL_STATE_UNSPECIFIED',
  TRIAL_STATE_WAITING: 'TRIAL_STATE_WAITING',
  TRIAL_STATE_RUNNING: 'TRIAL_STATE_RUNNING',
  /**
   * Trained to its last step.
   */
  TRIAL_STATE_COMPLETE: 'TRIAL_STATE_COMPLETE',
  /**
   * It had stopped improving.
   */
  TRIAL_STATE_STOPPED: 'TRIAL_STATE_STOPPED',
  /**
   * Others were better.
   */
  TRIAL_STATE_PRUNED: 'TRIAL_STATE_PRUNED',
  TRIAL_STATE_FAILED: 'TRIAL_STATE_FAILED',
} as const;

export type TrialState =
  | 'TRIAL_STATE_UNSPECIFIED'
  | 0
  | 'TRIAL_STATE_WAITING'
  | 1
  | 'TRIAL_STATE_RUNNING'
  | 2
  /**
   * Trained to its last step.
   */
  | 'TRIAL_STATE_COMPLETE'
  | 3
  /**
   * It had stopped improving.
   */
  | 'TRIAL_STATE_STOPPED'
  | 4
  /**
   * Others were better.
   */
  | 'TRIAL_STATE_PRUNED'
  | 5
  | 'TRIAL_STATE_FAILED'
  | 6

export type TrialState__Output = typeof TrialState[keyof typeof TrialState]
