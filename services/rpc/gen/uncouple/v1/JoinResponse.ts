// Original file: proto/uncouple/v1/worker.proto

import type { JoinRefusal as _uncouple_v1_JoinRefusal, JoinRefusal__Output as _uncouple_v1_JoinRefusal__Output } from '../../uncouple/v1/JoinRefusal.ts';
import type { Long } from '@grpc/proto-loader';

export interface JoinResponse {
  /**
   * Names this worker in every further message; empty if it is refused.
   */
  'worker'?: (string);
  /**
   * Counts the trainer's starts: a worker never goes on with a lower one than it has seen.
   */
  'incarnation'?: (number | string | Long);
  'pipeline'?: (string);
  'component'?: (string);
  /**
   * Milliseconds between beats.
   */
  'beatMs'?: (number);
  /**
   * Milliseconds without progress after which a unit is given to another worker.
   */
  'silenceMs'?: (number);
  'refusal'?: (_uncouple_v1_JoinRefusal);
  /**
   * Why, for people.
   */
  'reason'?: (string);
}

export interface JoinResponse__Output {
  /**
   * Names this worker in every further message; empty if it is refused.
   */
  'worker': (string);
  /**
   * Counts the trainer's starts: a worker never goes on with a lower one than it has seen.
   */
  'incarnation': (string);
  'pipeline': (string);
  'component': (string);
  /**
   * Milliseconds between beats.
   */
  'beatMs': (number);
  /**
   * Milliseconds without progress after which a unit is given to another worker.
   */
  'silenceMs': (number);
  'refusal': (_uncouple_v1_JoinRefusal__Output);
  /**
   * Why, for people.
   */
  'reason': (string);
}
