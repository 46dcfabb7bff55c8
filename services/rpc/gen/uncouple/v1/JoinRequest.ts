// Original file: proto/uncouple/v1/worker.proto

import type { WorkerEngine as _uncouple_v1_WorkerEngine, WorkerEngine__Output as _uncouple_v1_WorkerEngine__Output } from '../../uncouple/v1/WorkerEngine.ts';

export interface JoinRequest {
  /**
   * The component that the worker is meant for; needed if the trainer hosts several. Any, if not set.
   */
  'component'?: (string);
  /**
   * The pipeline that the worker is meant for. Any, if not set.
   */
  'pipeline'?: (string);
  /**
   * For people: a name that is kept over restarts.
   */
  'name'?: (string);
  'host'?: (string);
  'pid'?: (number);
  /**
   * Version of Uncouple. Only workers of the trainer's version are admitted: another one may compile other code.
   */
  'codeVersion'?: (string);
  /**
   * What the worker can run, the preferred one first.
   */
  'engines'?: (_uncouple_v1_WorkerEngine)[];
  /**
   * Units that it runs at a time.
   */
  'parallel'?: (number);
  '_component'?: "component";
  '_pipeline'?: "pipeline";
}

export interface JoinRequest__Output {
  /**
   * The component that the worker is meant for; needed if the trainer hosts several. Any, if not set.
   */
  'component'?: (string);
  /**
   * The pipeline that the worker is meant for. Any, if not set.
   */
  'pipeline'?: (string);
  /**
   * For people: a name that is kept over restarts.
   */
  'name': (string);
  'host': (string);
  'pid': (number);
  /**
   * Version of Uncouple. Only workers of the trainer's version are admitted: another one may compile other code.
   */
  'codeVersion': (string);
  /**
   * What the worker can run, the preferred one first.
   */
  'engines': (_uncouple_v1_WorkerEngine__Output)[];
  /**
   * Units that it runs at a time.
   */
  'parallel': (number);
  '_component'?: "component";
  '_pipeline'?: "pipeline";
}
