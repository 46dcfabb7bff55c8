// Original file: proto/uncouple/v1/evaluator.proto

export const EvaluatorState = {
  EVALUATOR_STATE_UNSPECIFIED: 'EVALUATOR_STATE_UNSPECIFIED',
  /**
   * Waiting for held-out data or connections.
   */
  EVALUATOR_STATE_STARTING: 'EVALUATOR_STATE_STARTING',
  EVALUATOR_STATE_IDLE: 'EVALUATOR_STATE_IDLE',
  EVALUATOR_STATE_EVALUATING: 'EVALUATOR_STATE_EVALUATING',
  EVALUATOR_STATE_STOPPING: 'EVALUATOR_STATE_STOPPING',
} as const;

export type EvaluatorState =
  | 'EVALUATOR_STATE_UNSPECIFIED'
  | 0
  /**
   * Waiting for held-out data or connections.
   */
  | 'EVALUATOR_STATE_STARTING'
  | 1
  | 'EVALUATOR_STATE_IDLE'
  | 2
  | 'EVALUATOR_STATE_EVALUATING'
  | 3
  | 'EVALUATOR_STATE_STOPPING'
  | 4

export type EvaluatorState__Output = typeof EvaluatorState[keyof typeof EvaluatorState]
