// Original file: proto/uncouple/v1/evaluator.proto

import type { EvaluatorState as _uncouple_v1_EvaluatorState, EvaluatorState__Output as _uncouple_v1_EvaluatorState__Output } from '../../uncouple/v1/EvaluatorState.ts';

export interface EvaluatorStatus {
  'pipeline'?: (string);
  /**
   * This process among those that share the work.
   */
  'evaluator'?: (string);
  'state'?: (_uncouple_v1_EvaluatorState);
  /**
   * Announcements that no evaluator has finished.
   */
  'pending'?: (number);
  /**
   * Held-out rows.
   */
  'rows'?: (number);
  /**
   * The snapshot in use of every component that has one.
   */
  'current'?: ({[key: string]: number});
  /**
   * The pipeline loss of `current`.
   */
  'loss'?: (number | string);
  '_loss'?: "loss";
}

export interface EvaluatorStatus__Output {
  'pipeline': (string);
  /**
   * This process among those that share the work.
   */
  'evaluator': (string);
  'state': (_uncouple_v1_EvaluatorState__Output);
  /**
   * Announcements that no evaluator has finished.
   */
  'pending': (number);
  /**
   * Held-out rows.
   */
  'rows': (number);
  /**
   * The snapshot in use of every component that has one.
   */
  'current': ({[key: string]: number});
  /**
   * The pipeline loss of `current`.
   */
  'loss'?: (number);
  '_loss'?: "loss";
}
