import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { ListValue as _google_protobuf_ListValue, ListValue__Output as _google_protobuf_ListValue__Output } from './google/protobuf/ListValue.ts';
import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from './google/protobuf/Struct.ts';
import type { Value as _google_protobuf_Value, Value__Output as _google_protobuf_Value__Output } from './google/protobuf/Value.ts';
import type { CancelRunRequest as _uncouple_v1_CancelRunRequest, CancelRunRequest__Output as _uncouple_v1_CancelRunRequest__Output } from './uncouple/v1/CancelRunRequest.ts';
import type { CategoricalColumn as _uncouple_v1_CategoricalColumn, CategoricalColumn__Output as _uncouple_v1_CategoricalColumn__Output } from './uncouple/v1/CategoricalColumn.ts';
import type { Column as _uncouple_v1_Column, Column__Output as _uncouple_v1_Column__Output } from './uncouple/v1/Column.ts';
import type { Error as _uncouple_v1_Error, Error__Output as _uncouple_v1_Error__Output } from './uncouple/v1/Error.ts';
import type { GetRunReportRequest as _uncouple_v1_GetRunReportRequest, GetRunReportRequest__Output as _uncouple_v1_GetRunReportRequest__Output } from './uncouple/v1/GetRunReportRequest.ts';
import type { GetRunRequest as _uncouple_v1_GetRunRequest, GetRunRequest__Output as _uncouple_v1_GetRunRequest__Output } from './uncouple/v1/GetRunRequest.ts';
import type { GetTrainerStatusRequest as _uncouple_v1_GetTrainerStatusRequest, GetTrainerStatusRequest__Output as _uncouple_v1_GetTrainerStatusRequest__Output } from './uncouple/v1/GetTrainerStatusRequest.ts';
import type { ListComponentsRequest as _uncouple_v1_ListComponentsRequest, ListComponentsRequest__Output as _uncouple_v1_ListComponentsRequest__Output } from './uncouple/v1/ListComponentsRequest.ts';
import type { ListComponentsResponse as _uncouple_v1_ListComponentsResponse, ListComponentsResponse__Output as _uncouple_v1_ListComponentsResponse__Output } from './uncouple/v1/ListComponentsResponse.ts';
import type { ListRunsRequest as _uncouple_v1_ListRunsRequest, ListRunsRequest__Output as _uncouple_v1_ListRunsRequest__Output } from './uncouple/v1/ListRunsRequest.ts';
import type { ModelContract as _uncouple_v1_ModelContract, ModelContract__Output as _uncouple_v1_ModelContract__Output } from './uncouple/v1/ModelContract.ts';
import type { NumericColumn as _uncouple_v1_NumericColumn, NumericColumn__Output as _uncouple_v1_NumericColumn__Output } from './uncouple/v1/NumericColumn.ts';
import type { ParameterValue as _uncouple_v1_ParameterValue, ParameterValue__Output as _uncouple_v1_ParameterValue__Output } from './uncouple/v1/ParameterValue.ts';
import type { PredictRequest as _uncouple_v1_PredictRequest, PredictRequest__Output as _uncouple_v1_PredictRequest__Output } from './uncouple/v1/PredictRequest.ts';
import type { PredictResponse as _uncouple_v1_PredictResponse, PredictResponse__Output as _uncouple_v1_PredictResponse__Output } from './uncouple/v1/PredictResponse.ts';
import type { Protocol as _uncouple_v1_Protocol, Protocol__Output as _uncouple_v1_Protocol__Output } from './uncouple/v1/Protocol.ts';
import type { ReadSnapshotRequest as _uncouple_v1_ReadSnapshotRequest, ReadSnapshotRequest__Output as _uncouple_v1_ReadSnapshotRequest__Output } from './uncouple/v1/ReadSnapshotRequest.ts';
import type { Run as _uncouple_v1_Run, Run__Output as _uncouple_v1_Run__Output } from './uncouple/v1/Run.ts';
import type { RunReport as _uncouple_v1_RunReport, RunReport__Output as _uncouple_v1_RunReport__Output } from './uncouple/v1/RunReport.ts';
import type { RunUnits as _uncouple_v1_RunUnits, RunUnits__Output as _uncouple_v1_RunUnits__Output } from './uncouple/v1/RunUnits.ts';
import type { SnapshotManifest as _uncouple_v1_SnapshotManifest, SnapshotManifest__Output as _uncouple_v1_SnapshotManifest__Output } from './uncouple/v1/SnapshotManifest.ts';
import type { SnapshotPart as _uncouple_v1_SnapshotPart, SnapshotPart__Output as _uncouple_v1_SnapshotPart__Output } from './uncouple/v1/SnapshotPart.ts';
import type { StartRunRequest as _uncouple_v1_StartRunRequest, StartRunRequest__Output as _uncouple_v1_StartRunRequest__Output } from './uncouple/v1/StartRunRequest.ts';
import type { TensorSpec as _uncouple_v1_TensorSpec, TensorSpec__Output as _uncouple_v1_TensorSpec__Output } from './uncouple/v1/TensorSpec.ts';
import type { TrainerClient as _uncouple_v1_TrainerClient, TrainerDefinition as _uncouple_v1_TrainerDefinition } from './uncouple/v1/Trainer.ts';
import type { TrainerStatus as _uncouple_v1_TrainerStatus, TrainerStatus__Output as _uncouple_v1_TrainerStatus__Output } from './uncouple/v1/TrainerStatus.ts';
import type { TrialId as _uncouple_v1_TrialId, TrialId__Output as _uncouple_v1_TrialId__Output } from './uncouple/v1/TrialId.ts';
import type { UnreadableSnapshot as _uncouple_v1_UnreadableSnapshot, UnreadableSnapshot__Output as _uncouple_v1_UnreadableSnapshot__Output } from './uncouple/v1/UnreadableSnapshot.ts';
import type { WatchRunRequest as _uncouple_v1_WatchRunRequest, WatchRunRequest__Output as _uncouple_v1_WatchRunRequest__Output } from './uncouple/v1/WatchRunRequest.ts';

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
      CancelRunRequest: MessageTypeDefinition<_uncouple_v1_CancelRunRequest, _uncouple_v1_CancelRunRequest__Output>
      CategoricalColumn: MessageTypeDefinition<_uncouple_v1_CategoricalColumn, _uncouple_v1_CategoricalColumn__Output>
      Column: MessageTypeDefinition<_uncouple_v1_Column, _uncouple_v1_Column__Output>
      Error: MessageTypeDefinition<_uncouple_v1_Error, _uncouple_v1_Error__Output>
      ErrorReason: EnumTypeDefinition
      GetRunReportRequest: MessageTypeDefinition<_uncouple_v1_GetRunReportRequest, _uncouple_v1_GetRunReportRequest__Output>
      GetRunRequest: MessageTypeDefinition<_uncouple_v1_GetRunRequest, _uncouple_v1_GetRunRequest__Output>
      GetTrainerStatusRequest: MessageTypeDefinition<_uncouple_v1_GetTrainerStatusRequest, _uncouple_v1_GetTrainerStatusRequest__Output>
      ListComponentsRequest: MessageTypeDefinition<_uncouple_v1_ListComponentsRequest, _uncouple_v1_ListComponentsRequest__Output>
      ListComponentsResponse: MessageTypeDefinition<_uncouple_v1_ListComponentsResponse, _uncouple_v1_ListComponentsResponse__Output>
      ListRunsRequest: MessageTypeDefinition<_uncouple_v1_ListRunsRequest, _uncouple_v1_ListRunsRequest__Output>
      ModelContract: MessageTypeDefinition<_uncouple_v1_ModelContract, _uncouple_v1_ModelContract__Output>
      NumericColumn: MessageTypeDefinition<_uncouple_v1_NumericColumn, _uncouple_v1_NumericColumn__Output>
      ParameterValue: MessageTypeDefinition<_uncouple_v1_ParameterValue, _uncouple_v1_ParameterValue__Output>
      PredictRequest: MessageTypeDefinition<_uncouple_v1_PredictRequest, _uncouple_v1_PredictRequest__Output>
      PredictResponse: MessageTypeDefinition<_uncouple_v1_PredictResponse, _uncouple_v1_PredictResponse__Output>
      Protocol: MessageTypeDefinition<_uncouple_v1_Protocol, _uncouple_v1_Protocol__Output>
      ReadSnapshotRequest: MessageTypeDefinition<_uncouple_v1_ReadSnapshotRequest, _uncouple_v1_ReadSnapshotRequest__Output>
      Run: MessageTypeDefinition<_uncouple_v1_Run, _uncouple_v1_Run__Output>
      RunReport: MessageTypeDefinition<_uncouple_v1_RunReport, _uncouple_v1_RunReport__Output>
      RunState: EnumTypeDefinition
      RunTrigger: EnumTypeDefinition
      RunUnits: MessageTypeDefinition<_uncouple_v1_RunUnits, _uncouple_v1_RunUnits__Output>
      SnapshotManifest: MessageTypeDefinition<_uncouple_v1_SnapshotManifest, _uncouple_v1_SnapshotManifest__Output>
      SnapshotPart: MessageTypeDefinition<_uncouple_v1_SnapshotPart, _uncouple_v1_SnapshotPart__Output>
      StartRunRequest: MessageTypeDefinition<_uncouple_v1_StartRunRequest, _uncouple_v1_StartRunRequest__Output>
      TensorKind: EnumTypeDefinition
      TensorSpec: MessageTypeDefinition<_uncouple_v1_TensorSpec, _uncouple_v1_TensorSpec__Output>
      /**
       * Trains the components of one or several teams. Every request may name the component that it is about; it must where the
       * trainer hosts several.
       */
      Trainer: SubtypeConstructor<typeof grpc.Client, _uncouple_v1_TrainerClient> & { service: _uncouple_v1_TrainerDefinition }
      TrainerState: EnumTypeDefinition
      TrainerStatus: MessageTypeDefinition<_uncouple_v1_TrainerStatus, _uncouple_v1_TrainerStatus__Output>
      TrialId: MessageTypeDefinition<_uncouple_v1_TrialId, _uncouple_v1_TrialId__Output>
      UnreadableSnapshot: MessageTypeDefinition<_uncouple_v1_UnreadableSnapshot, _uncouple_v1_UnreadableSnapshot__Output>
      WatchRunRequest: MessageTypeDefinition<_uncouple_v1_WatchRunRequest, _uncouple_v1_WatchRunRequest__Output>
    }
  }
}

