// Original file: proto/uncouple/v1/tuning.proto

export const StudyState = {
  STUDY_STATE_UNSPECIFIED: 'STUDY_STATE_UNSPECIFIED',
  /**
   * Waiting for a verdict on an upstream snapshot, or for its release.
   */
  STUDY_STATE_WAITING: 'STUDY_STATE_WAITING',
  STUDY_STATE_RUNNING: 'STUDY_STATE_RUNNING',
  STUDY_STATE_COMPLETE: 'STUDY_STATE_COMPLETE',
  STUDY_STATE_STOPPED: 'STUDY_STATE_STOPPED',
  STUDY_STATE_FAILED: 'STUDY_STATE_FAILED',
} as const;

export type StudyState =
  | 'STUDY_STATE_UNSPECIFIED'
  | 0
  /**
   * Waiting for a verdict on an upstream snapshot, or for its release.
   */
  | 'STUDY_STATE_WAITING'
  | 1
  | 'STUDY_STATE_RUNNING'
  | 2
  | 'STUDY_STATE_COMPLETE'
  | 3
  | 'STUDY_STATE_STOPPED'
  | 4
  | 'STUDY_STATE_FAILED'
  | 5

export type StudyState__Output = typeof StudyState[keyof typeof StudyState]
