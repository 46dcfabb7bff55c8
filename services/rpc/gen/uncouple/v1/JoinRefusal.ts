// Original file: proto/uncouple/v1/worker.proto

export const JoinRefusal = {
  JOIN_REFUSAL_UNSPECIFIED: 'JOIN_REFUSAL_UNSPECIFIED',
  JOIN_REFUSAL_PIPELINE: 'JOIN_REFUSAL_PIPELINE',
  JOIN_REFUSAL_COMPONENT: 'JOIN_REFUSAL_COMPONENT',
  JOIN_REFUSAL_VERSION: 'JOIN_REFUSAL_VERSION',
  /**
   * A worker of this name returned a wrong result.
   */
  JOIN_REFUSAL_QUARANTINED: 'JOIN_REFUSAL_QUARANTINED',
  /**
   * The team's file has no workers.
   */
  JOIN_REFUSAL_NO_WORKERS: 'JOIN_REFUSAL_NO_WORKERS',
} as const;

export type JoinRefusal =
  | 'JOIN_REFUSAL_UNSPECIFIED'
  | 0
  | 'JOIN_REFUSAL_PIPELINE'
  | 1
  | 'JOIN_REFUSAL_COMPONENT'
  | 2
  | 'JOIN_REFUSAL_VERSION'
  | 3
  /**
   * A worker of this name returned a wrong result.
   */
  | 'JOIN_REFUSAL_QUARANTINED'
  | 4
  /**
   * The team's file has no workers.
   */
  | 'JOIN_REFUSAL_NO_WORKERS'
  | 5

export type JoinRefusal__Output = typeof JoinRefusal[keyof typeof JoinRefusal]
