// Original file: proto/uncouple/v1/tuning.proto

import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../google/protobuf/Struct.ts';

export interface RunTrialRequest {
  'study'?: (string);
  /**
   * Keys of the team file with dots, such as "optimizer.learning_rate", with their values.
   */
  'parameters'?: (_google_protobuf_Struct | null);
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}

export interface RunTrialRequest__Output {
  'study': (string);
  /**
   * Keys of the team file with dots, such as "optimizer.learning_rate", with their values.
   */
  'parameters': (_google_protobuf_Struct__Output | null);
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}
