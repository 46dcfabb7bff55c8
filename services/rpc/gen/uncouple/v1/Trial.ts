// Original file: proto/uncouple/v1/tuning.proto

import type { TrialState as _uncouple_v1_TrialState, TrialState__Output as _uncouple_v1_TrialState__Output } from '../../uncouple/v1/TrialState.ts';
import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../google/protobuf/Struct.ts';
import type { Measurement as _uncouple_v1_Measurement, Measurement__Output as _uncouple_v1_Measurement__Output } from '../../uncouple/v1/Measurement.ts';
import type { Error as _uncouple_v1_Error, Error__Output as _uncouple_v1_Error__Output } from '../../uncouple/v1/Error.ts';

export interface Trial {
  /**
   * From 1.
   */
  'trial'?: (number);
  'state'?: (_uncouple_v1_TrialState);
  'parameters'?: (_google_protobuf_Struct | null);
  /**
   * Mean of the component's own loss over the validation rows; lower is better.
   */
  'value'?: (number | string);
  /**
   * Steps done; of a trial that stopped, those of its value.
   */
  'steps'?: (number);
  /**
   * Steps of its training.
   */
  'planned'?: (number);
  'seconds'?: (number | string);
  'measured'?: (_uncouple_v1_Measurement)[];
  'error'?: (_uncouple_v1_Error | null);
  /**
   * Whether its parameters came with RunTrial.
   */
  'external'?: (boolean);
  '_value'?: "value";
}

export interface Trial__Output {
  /**
   * From 1.
   */
  'trial': (number);
  'state': (_uncouple_v1_TrialState__Output);
  'parameters': (_google_protobuf_Struct__Output | null);
  /**
   * Mean of the component's own loss over the validation rows; lower is better.
   */
  'value'?: (number);
  /**
   * Steps done; of a trial that stopped, those of its value.
   */
  'steps': (number);
  /**
   * Steps of its training.
   */
  'planned': (number);
  'seconds': (number);
  'measured': (_uncouple_v1_Measurement__Output)[];
  'error': (_uncouple_v1_Error__Output | null);
  /**
   * Whether its parameters came with RunTrial.
   */
  'external': (boolean);
  '_value'?: "value";
}
