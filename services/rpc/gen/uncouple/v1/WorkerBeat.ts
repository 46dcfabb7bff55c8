// Original file: proto/uncouple/v1/worker.proto

import type { UnitProgress as _uncouple_v1_UnitProgress, UnitProgress__Output as _uncouple_v1_UnitProgress__Output } from '../../uncouple/v1/UnitProgress.ts';

export interface WorkerBeat {
  'worker'?: (string);
  /**
   * One for each unit in work.
   */
  'units'?: (_uncouple_v1_UnitProgress)[];
  /**
   * The component of the training; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}

export interface WorkerBeat__Output {
  'worker': (string);
  /**
   * One for each unit in work.
   */
  'units': (_uncouple_v1_UnitProgress__Output)[];
  /**
   * The component of the training; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}
