import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { ListValue as _google_protobuf_ListValue, ListValue__Output as _google_protobuf_ListValue__Output } from './google/protobuf/ListValue.ts';
import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from './google/protobuf/Struct.ts';
import type { Value as _google_protobuf_Value, Value__Output as _google_protobuf_Value__Output } from './google/protobuf/Value.ts';
import type { Error as _uncouple_v1_Error, Error__Output as _uncouple_v1_Error__Output } from './uncouple/v1/Error.ts';
import type { ExtendStudyRequest as _uncouple_v1_ExtendStudyRequest, ExtendStudyRequest__Output as _uncouple_v1_ExtendStudyRequest__Output } from './uncouple/v1/ExtendStudyRequest.ts';
import type { GetStudyRequest as _uncouple_v1_GetStudyRequest, GetStudyRequest__Output as _uncouple_v1_GetStudyRequest__Output } from './uncouple/v1/GetStudyRequest.ts';
import type { ListStudiesRequest as _uncouple_v1_ListStudiesRequest, ListStudiesRequest__Output as _uncouple_v1_ListStudiesRequest__Output } from './uncouple/v1/ListStudiesRequest.ts';
import type { Measurement as _uncouple_v1_Measurement, Measurement__Output as _uncouple_v1_Measurement__Output } from './uncouple/v1/Measurement.ts';
import type { ParameterValue as _uncouple_v1_ParameterValue, ParameterValue__Output as _uncouple_v1_ParameterValue__Output } from './uncouple/v1/ParameterValue.ts';
import type { Protocol as _uncouple_v1_Protocol, Protocol__Output as _uncouple_v1_Protocol__Output } from './uncouple/v1/Protocol.ts';
import type { RunTrialRequest as _uncouple_v1_RunTrialRequest, RunTrialRequest__Output as _uncouple_v1_RunTrialRequest__Output } from './uncouple/v1/RunTrialRequest.ts';
import type { StartStudyRequest as _uncouple_v1_StartStudyRequest, StartStudyRequest__Output as _uncouple_v1_StartStudyRequest__Output } from './uncouple/v1/StartStudyRequest.ts';
import type { StopStudyRequest as _uncouple_v1_StopStudyRequest, StopStudyRequest__Output as _uncouple_v1_StopStudyRequest__Output } from './uncouple/v1/StopStudyRequest.ts';
import type { Study as _uncouple_v1_Study, Study__Output as _uncouple_v1_Study__Output } from './uncouple/v1/Study.ts';
import type { Trial as _uncouple_v1_Trial, Trial__Output as _uncouple_v1_Trial__Output } from './uncouple/v1/Trial.ts';
import type { TuningClient as _uncouple_v1_TuningClient, TuningDefinition as _uncouple_v1_TuningDefinition } from './uncouple/v1/Tuning.ts';
import type { WatchStudyRequest as _uncouple_v1_WatchStudyRequest, WatchStudyRequest__Output as _uncouple_v1_WatchStudyRequest__Output } from './uncouple/v1/WatchStudyRequest.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      ListValue: MessageTypeDefinition<_google_protobuf_ListValue, _google_protobuf_ListValue__Output>
      NullValue: EnumTypeDefinition
      Struct: MessageTypeDefinition<_google_protobuf_Struct, _google_protobuf_Struct__Output>
      Value: MessageTypeDefinition<_google_protobuf_Value, _google_protobuf_Value__Output>
    }
  }
  uncouple: {
    v1: {
      Error: MessageTypeDefinition<_uncouple_v1_Error, _uncouple_v1_Error__Output>
      ErrorReason: EnumTypeDefinition
      ExtendStudyRequest: MessageTypeDefinition<_uncouple_v1_ExtendStudyRequest, _uncouple_v1_ExtendStudyRequest__Output>
      GetStudyRequest: MessageTypeDefinition<_uncouple_v1_GetStudyRequest, _uncouple_v1_GetStudyRequest__Output>
      ListStudiesRequest: MessageTypeDefinition<_uncouple_v1_ListStudiesRequest, _uncouple_v1_ListStudiesRequest__Output>
      Measurement: MessageTypeDefinition<_uncouple_v1_Measurement, _uncouple_v1_Measurement__Output>
      ParameterValue: MessageTypeDefinition<_uncouple_v1_ParameterValue, _uncouple_v1_ParameterValue__Output>
      Protocol: MessageTypeDefinition<_uncouple_v1_Protocol, _uncouple_v1_Protocol__Output>
      RunTrialRequest: MessageTypeDefinition<_uncouple_v1_RunTrialRequest, _uncouple_v1_RunTrialRequest__Output>
      StartStudyRequest: MessageTypeDefinition<_uncouple_v1_StartStudyRequest, _uncouple_v1_StartStudyRequest__Output>
      StopStudyRequest: MessageTypeDefinition<_uncouple_v1_StopStudyRequest, _uncouple_v1_StopStudyRequest__Output>
      Study: MessageTypeDefinition<_uncouple_v1_Study, _uncouple_v1_Study__Output>
      StudyState: EnumTypeDefinition
      Trial: MessageTypeDefinition<_uncouple_v1_Trial, _uncouple_v1_Trial__Output>
      TrialState: EnumTypeDefinition
      /**
       * Searches for the parameters of a component's training. A study samples trials, trains each on a part of the training rows,
       * and measures it on the rest; held-out rows are never read, and trials publish nothing. Every request may name the component
       * that it is about; it must where the trainer hosts several.
       */
      Tuning: SubtypeConstructor<typeof grpc.Client, _uncouple_v1_TuningClient> & { service: _uncouple_v1_TuningDefinition }
      WatchStudyRequest: MessageTypeDefinition<_uncouple_v1_WatchStudyRequest, _uncouple_v1_WatchStudyRequest__Output>
    }
  }
}

