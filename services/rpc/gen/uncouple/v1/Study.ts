// Original file: proto/uncouple/v1/tuning.proto

import type { StudyState as _uncouple_v1_StudyState, StudyState__Output as _uncouple_v1_StudyState__Output } from '../../uncouple/v1/StudyState.ts';
import type { Trial as _uncouple_v1_Trial, Trial__Output as _uncouple_v1_Trial__Output } from '../../uncouple/v1/Trial.ts';
import type { Error as _uncouple_v1_Error, Error__Output as _uncouple_v1_Error__Output } from '../../uncouple/v1/Error.ts';

export interface Study {
  'id'?: (string);
  'component'?: (string);
  'state'?: (_uncouple_v1_StudyState);
  /**
   * Trials that the study samples, in all.
   */
  'wanted'?: (number);
  'parallel'?: (number);
  /**
   * In order.
   */
  'trials'?: (_uncouple_v1_Trial)[];
  /**
   * Upstream component to serial, which all trials train on.
   */
  'upstream'?: ({[key: string]: number});
  /**
   * Rows that trials train on and are measured on; unset before they are read.
   */
  'fitRows'?: (number);
  'validationRows'?: (number);
  /**
   * What a waiting study waits for.
   */
  'waitingFor'?: (string);
  'error'?: (_uncouple_v1_Error | null);
  'teamFile'?: (string);
  /**
   * ISO 8601, like all timestamps here.
   */
  'startedAt'?: (string);
  'finishedAt'?: (string);
  '_fitRows'?: "fitRows";
  '_validationRows'?: "validationRows";
  '_waitingFor'?: "waitingFor";
  '_finishedAt'?: "finishedAt";
}

export interface Study__Output {
  'id': (string);
  'component': (string);
  'state': (_uncouple_v1_StudyState__Output);
  /**
   * Trials that the study samples, in all.
   */
  'wanted': (number);
  'parallel': (number);
  /**
   * In order.
   */
  'trials': (_uncouple_v1_Trial__Output)[];
  /**
   * Upstream component to serial, which all trials train on.
   */
  'upstream': ({[key: string]: number});
  /**
   * Rows that trials train on and are measured on; unset before they are read.
   */
  'fitRows'?: (number);
  'validationRows'?: (number);
  /**
   * What a waiting study waits for.
   */
  'waitingFor'?: (string);
  'error': (_uncouple_v1_Error__Output | null);
  'teamFile': (string);
  /**
   * ISO 8601, like all timestamps here.
   */
  'startedAt': (string);
  'finishedAt'?: (string);
  '_fitRows'?: "fitRows";
  '_validationRows'?: "validationRows";
  '_waitingFor'?: "waitingFor";
  '_finishedAt'?: "finishedAt";
}
