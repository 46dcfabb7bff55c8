// Original file: proto/uncouple/v1/verdict.proto

import type { Interval as _uncouple_v1_Interval, Interval__Output as _uncouple_v1_Interval__Output } from '../../uncouple/v1/Interval.ts';

/**
 * What the pipeline would lose if the output of a component became right: the pipeline loss with the downstream reading
 * the annotated output of the upstream, minus the loss as it is composed, on annotated held-out rows.
 */
export interface ConsistencyGap {
  'upstream'?: (string);
  'downstream'?: (string);
  /**
   * As `Verdict.kind`: `degraded` for a gap above 0.
   */
  'kind'?: (string);
  'reason'?: (string);
  /**
   * Pipeline loss on the annotated rows, as it is composed.
   */
  'currentLoss'?: (number | string);
  'gap'?: (number | string);
  'interval'?: (_uncouple_v1_Interval | null);
  /**
   * Whether the upstream predicts probabilities and the annotation is a label.
   */
  'labels'?: (boolean);
  /**
   * The gap as a fraction of `current_loss`; unset for a loss of 0.
   */
  'relative'?: (number | string);
  '_reason'?: "reason";
  '_relative'?: "relative";
}

/**
 * What the pipeline would lose if the output of a component became right: the pipeline loss with the downstream reading
 * the annotated output of the upstream, minus the loss as it is composed, on annotated held-out rows.
 */
export interface ConsistencyGap__Output {
  'upstream': (string);
  'downstream': (string);
  /**
   * As `Verdict.kind`: `degraded` for a gap above 0.
   */
  'kind': (string);
  'reason'?: (string);
  /**
   * Pipeline loss on the annotated rows, as it is composed.
   */
  'currentLoss': (number);
  'gap': (number);
  'interval': (_uncouple_v1_Interval__Output | null);
  /**
   * Whether the upstream predicts probabilities and the annotation is a label.
   */
  'labels': (boolean);
  /**
   * The gap as a fraction of `current_loss`; unset for a loss of 0.
   */
  'relative'?: (number);
  '_reason'?: "reason";
  '_relative'?: "relative";
}
