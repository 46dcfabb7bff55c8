// Original file: proto/uncouple/v1/worker.proto

import type { Worker as _uncouple_v1_Worker, Worker__Output as _uncouple_v1_Worker__Output } from '../../uncouple/v1/Worker.ts';

export interface ListWorkersResponse {
  'workers'?: (_uncouple_v1_Worker)[];
  /**
   * Units that wait for a worker.
   */
  'waiting'?: (number);
}

export interface ListWorkersResponse__Output {
  'workers': (_uncouple_v1_Worker__Output)[];
  /**
   * Units that wait for a worker.
   */
  'waiting': (number);
}
