// Original file: proto/uncouple/v1/worker.proto

import type { UnitJob as _uncouple_v1_UnitJob, UnitJob__Output as _uncouple_v1_UnitJob__Output } from '../../uncouple/v1/UnitJob.ts';

export interface UnitLease {
  /**
   * Names this lease.
   */
  'lease'?: (string);
  /**
   * SHA-256 of the job below.
   */
  'job'?: (string);
  'work'?: (_uncouple_v1_UnitJob | null);
  'slot'?: (number);
  /**
   * First step, from 0, and number of steps.
   */
  'first'?: (number);
  'count'?: (number);
  /**
   * SHA-256 of the state at the start.
   */
  'base'?: (string);
  /**
   * The engine to run it on, one of those that the worker named.
   */
  'engine'?: (string);
}

export interface UnitLease__Output {
  /**
   * Names this lease.
   */
  'lease': (string);
  /**
   * SHA-256 of the job below.
   */
  'job': (string);
  'work': (_uncouple_v1_UnitJob__Output | null);
  'slot': (number);
  /**
   * First step, from 0, and number of steps.
   */
  'first': (number);
  'count': (number);
  /**
   * SHA-256 of the state at the start.
   */
  'base': (string);
  /**
   * The engine to run it on, one of those that the worker named.
   */
  'engine': (string);
}
