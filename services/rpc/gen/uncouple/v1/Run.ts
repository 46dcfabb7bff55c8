// Original file: proto/uncouple/v1/trainer.proto

import type { RunState as _uncouple_v1_RunState, RunState__Output as _uncouple_v1_RunState__Output } from '../../uncouple/v1/RunState.ts';
import type { RunTrigger as _uncouple_v1_RunTrigger, RunTrigger__Output as _uncouple_v1_RunTrigger__Output } from '../../uncouple/v1/RunTrigger.ts';
import type { Protocol as _uncouple_v1_Protocol, Protocol__Output as _uncouple_v1_Protocol__Output } from '../../uncouple/v1/Protocol.ts';
import type { Error as _uncouple_v1_Error, Error__Output as _uncouple_v1_Error__Output } from '../../uncouple/v1/Error.ts';
import type { RunUnits as _uncouple_v1_RunUnits, RunUnits__Output as _uncouple_v1_RunUnits__Output } from '../../uncouple/v1/RunUnits.ts';

export interface Run {
  'id'?: (string);
  'component'?: (string);
  'state'?: (_uncouple_v1_RunState);
  'trigger'?: (_uncouple_v1_RunTrigger);
  'protocol'?: (_uncouple_v1_Protocol | null);
  'step'?: (number);
  'steps'?: (number);
  /**
   * Mean loss over the latest chunk of steps, on standardized outputs.
   */
  'loss'?: (number | string);
  'learningRate'?: (number | string);
  'stepsPerSecond'?: (number | string);
  'etaSeconds'?: (number | string);
  /**
   * Upstream component to serial, resolved once when the run starts.
   */
  'upstream'?: ({[key: string]: number});
  /**
   * Serial of the published snapshot.
   */
  'snapshot'?: (number);
  'error'?: (_uncouple_v1_Error | null);
  'warnings'?: (string)[];
  /**
   * ISO 8601, like all timestamps here.
   */
  'queuedAt'?: (string);
  'startedAt'?: (string);
  'finishedAt'?: (string);
  /**
   * What a waiting run waits for.
   */
  'waitingFor'?: (string);
  /**
   * Set while a training runs in units.
   */
  'units'?: (_uncouple_v1_RunUnits | null);
  '_loss'?: "loss";
  '_learningRate'?: "learningRate";
  '_stepsPerSecond'?: "stepsPerSecond";
  '_etaSeconds'?: "etaSeconds";
  '_snapshot'?: "snapshot";
  '_startedAt'?: "startedAt";
  '_finishedAt'?: "finishedAt";
  '_waitingFor'?: "waitingFor";
}

export interface Run__Output {
  'id': (string);
  'component': (string);
  'state': (_uncouple_v1_RunState__Output);
  'trigger': (_uncouple_v1_RunTrigger__Output);
  'protocol': (_uncouple_v1_Protocol__Output | null);
  'step': (number);
  'steps': (number);
  /**
   * Mean loss over the latest chunk of steps, on standardized outputs.
   */
  'loss'?: (number);
  'learningRate'?: (number);
  'stepsPerSecond'?: (number);
  'etaSeconds'?: (number);
  /**
   * Upstream component to serial, resolved once when the run starts.
   */
  'upstream': ({[key: string]: number});
  /**
   * Serial of the published snapshot.
   */
  'snapshot'?: (number);
  'error': (_uncouple_v1_Error__Output | null);
  'warnings': (string)[];
  /**
   * ISO 8601, like all timestamps here.
   */
  'queuedAt': (string);
  'startedAt'?: (string);
  'finishedAt'?: (string);
  /**
   * What a waiting run waits for.
   */
  'waitingFor'?: (string);
  /**
   * Set while a training runs in units.
   */
  'units': (_uncouple_v1_RunUnits__Output | null);
  '_loss'?: "loss";
  '_learningRate'?: "learningRate";
  '_stepsPerSecond'?: "stepsPerSecond";
  '_etaSeconds'?: "etaSeconds";
  '_snapshot'?: "snapshot";
  '_startedAt'?: "startedAt";
  '_finishedAt'?: "finishedAt";
  '_waitingFor'?: "waitingFor";
}
