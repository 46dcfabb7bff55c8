// Original file: proto/uncouple/v1/worker.proto

import type { UnitLease as _uncouple_v1_UnitLease, UnitLease__Output as _uncouple_v1_UnitLease__Output } from '../../uncouple/v1/UnitLease.ts';

export interface LeaseResponse {
  /**
   * Not set: there is none now; ask again.
   */
  'lease'?: (_uncouple_v1_UnitLease | null);
  /**
   * The worker is not known any more: join again.
   */
  'unknown'?: (boolean);
}

export interface LeaseResponse__Output {
  /**
   * Not set: there is none now; ask again.
   */
  'lease': (_uncouple_v1_UnitLease__Output | null);
  /**
   * The worker is not known any more: join again.
   */
  'unknown': (boolean);
}
