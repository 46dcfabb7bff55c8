import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { ListValue as _google_protobuf_ListValue, ListValue__Output as _google_protobuf_ListValue__Output } from './google/protobuf/ListValue.ts';
import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from './google/protobuf/Struct.ts';
import type { Value as _google_protobuf_Value, Value__Output as _google_protobuf_Value__Output } from './google/protobuf/Value.ts';
import type { CellDifference as _uncouple_v1_CellDifference, CellDifference__Output as _uncouple_v1_CellDifference__Output } from './uncouple/v1/CellDifference.ts';
import type { Comparison as _uncouple_v1_Comparison, Comparison__Output as _uncouple_v1_Comparison__Output } from './uncouple/v1/Comparison.ts';
import type { ConsistencyGap as _uncouple_v1_ConsistencyGap, ConsistencyGap__Output as _uncouple_v1_ConsistencyGap__Output } from './uncouple/v1/ConsistencyGap.ts';
import type { EvaluatorClient as _uncouple_v1_EvaluatorClient, EvaluatorDefinition as _uncouple_v1_EvaluatorDefinition } from './uncouple/v1/Evaluator.ts';
import type { EvaluatorStatus as _uncouple_v1_EvaluatorStatus, EvaluatorStatus__Output as _uncouple_v1_EvaluatorStatus__Output } from './uncouple/v1/EvaluatorStatus.ts';
import type { GateStatus as _uncouple_v1_GateStatus, GateStatus__Output as _uncouple_v1_GateStatus__Output } from './uncouple/v1/GateStatus.ts';
import type { GetEvaluatorStatusRequest as _uncouple_v1_GetEvaluatorStatusRequest, GetEvaluatorStatusRequest__Output as _uncouple_v1_GetEvaluatorStatusRequest__Output } from './uncouple/v1/GetEvaluatorStatusRequest.ts';
import type { GetMatrixRequest as _uncouple_v1_GetMatrixRequest, GetMatrixRequest__Output as _uncouple_v1_GetMatrixRequest__Output } from './uncouple/v1/GetMatrixRequest.ts';
import type { GetMatrixResponse as _uncouple_v1_GetMatrixResponse, GetMatrixResponse__Output as _uncouple_v1_GetMatrixResponse__Output } from './uncouple/v1/GetMatrixResponse.ts';
import type { HeldCandidate as _uncouple_v1_HeldCandidate, HeldCandidate__Output as _uncouple_v1_HeldCandidate__Output } from './uncouple/v1/HeldCandidate.ts';
import type { HeldOut as _uncouple_v1_HeldOut, HeldOut__Output as _uncouple_v1_HeldOut__Output } from './uncouple/v1/HeldOut.ts';
import type { HeldOutStatus as _uncouple_v1_HeldOutStatus, HeldOutStatus__Output as _uncouple_v1_HeldOutStatus__Output } from './uncouple/v1/HeldOutStatus.ts';
import type { Interval as _uncouple_v1_Interval, Interval__Output as _uncouple_v1_Interval__Output } from './uncouple/v1/Interval.ts';
import type { ListQuarantinesRequest as _uncouple_v1_ListQuarantinesRequest, ListQuarantinesRequest__Output as _uncouple_v1_ListQuarantinesRequest__Output } from './uncouple/v1/ListQuarantinesRequest.ts';
import type { ListVerdictsRequest as _uncouple_v1_ListVerdictsRequest, ListVerdictsRequest__Output as _uncouple_v1_ListVerdictsRequest__Output } from './uncouple/v1/ListVerdictsRequest.ts';
import type { LoggedVerdict as _uncouple_v1_LoggedVerdict, LoggedVerdict__Output as _uncouple_v1_LoggedVerdict__Output } from './uncouple/v1/LoggedVerdict.ts';
import type { Losses as _uncouple_v1_Losses, Losses__Output as _uncouple_v1_Losses__Output } from './uncouple/v1/Losses.ts';
import type { Matrix as _uncouple_v1_Matrix, Matrix__Output as _uncouple_v1_Matrix__Output } from './uncouple/v1/Matrix.ts';
import type { MatrixCell as _uncouple_v1_MatrixCell, MatrixCell__Output as _uncouple_v1_MatrixCell__Output } from './uncouple/v1/MatrixCell.ts';
import type { MatrixIntervals as _uncouple_v1_MatrixIntervals, MatrixIntervals__Output as _uncouple_v1_MatrixIntervals__Output } from './uncouple/v1/MatrixIntervals.ts';
import type { ModelContract as _uncouple_v1_ModelContract, ModelContract__Output as _uncouple_v1_ModelContract__Output } from './uncouple/v1/ModelContract.ts';
import type { Quarantine as _uncouple_v1_Quarantine, Quarantine__Output as _uncouple_v1_Quarantine__Output } from './uncouple/v1/Quarantine.ts';
import type { SnapshotManifest as _uncouple_v1_SnapshotManifest, SnapshotManifest__Output as _uncouple_v1_SnapshotManifest__Output } from './uncouple/v1/SnapshotManifest.ts';
import type { SnapshotPair as _uncouple_v1_SnapshotPair, SnapshotPair__Output as _uncouple_v1_SnapshotPair__Output } from './uncouple/v1/SnapshotPair.ts';
import type { TensorSpec as _uncouple_v1_TensorSpec, TensorSpec__Output as _uncouple_v1_TensorSpec__Output } from './uncouple/v1/TensorSpec.ts';
import type { UnreadableSnapshot as _uncouple_v1_UnreadableSnapshot, UnreadableSnapshot__Output as _uncouple_v1_UnreadableSnapshot__Output } from './uncouple/v1/UnreadableSnapshot.ts';
import type { Verdict as _uncouple_v1_Verdict, Verdict__Output as _uncouple_v1_Verdict__Output } from './uncouple/v1/Verdict.ts';
import type { WatchVerdictsRequest as _uncouple_v1_WatchVerdictsRequest, WatchVerdictsRequest__Output as _uncouple_v1_WatchVerdictsRequest__Output } from './uncouple/v1/WatchVerdictsRequest.ts';

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
      CellDifference: MessageTypeDefinition<_uncouple_v1_CellDifference, _uncouple_v1_CellDifference__Output>
      Comparison: MessageTypeDefinition<_uncouple_v1_Comparison, _uncouple_v1_Comparison__Output>
      ConsistencyGap: MessageTypeDefinition<_uncouple_v1_ConsistencyGap, _uncouple_v1_ConsistencyGap__Output>
      /**
       * Measures what every published snapshot does to the whole pipeline.
       */
      Evaluator: SubtypeConstructor<typeof grpc.Client, _uncouple_v1_EvaluatorClient> & { service: _uncouple_v1_EvaluatorDefinition }
      EvaluatorState: EnumTypeDefinition
      EvaluatorStatus: MessageTypeDefinition<_uncouple_v1_EvaluatorStatus, _uncouple_v1_EvaluatorStatus__Output>
      GateStatus: MessageTypeDefinition<_uncouple_v1_GateStatus, _uncouple_v1_GateStatus__Output>
      GetEvaluatorStatusRequest: MessageTypeDefinition<_uncouple_v1_GetEvaluatorStatusRequest, _uncouple_v1_GetEvaluatorStatusRequest__Output>
      GetMatrixRequest: MessageTypeDefinition<_uncouple_v1_GetMatrixRequest, _uncouple_v1_GetMatrixRequest__Output>
      GetMatrixResponse: MessageTypeDefinition<_uncouple_v1_GetMatrixResponse, _uncouple_v1_GetMatrixResponse__Output>
      HeldCandidate: MessageTypeDefinition<_uncouple_v1_HeldCandidate, _uncouple_v1_HeldCandidate__Output>
      HeldOut: MessageTypeDefinition<_uncouple_v1_HeldOut, _uncouple_v1_HeldOut__Output>
      HeldOutStatus: MessageTypeDefinition<_uncouple_v1_HeldOutStatus, _uncouple_v1_HeldOutStatus__Output>
      Interval: MessageTypeDefinition<_uncouple_v1_Interval, _uncouple_v1_Interval__Output>
      ListQuarantinesRequest: MessageTypeDefinition<_uncouple_v1_ListQuarantinesRequest, _uncouple_v1_ListQuarantinesRequest__Output>
      ListVerdictsRequest: MessageTypeDefinition<_uncouple_v1_ListVerdictsRequest, _uncouple_v1_ListVerdictsRequest__Output>
      LoggedVerdict: MessageTypeDefinition<_uncouple_v1_LoggedVerdict, _uncouple_v1_LoggedVerdict__Output>
      Losses: MessageTypeDefinition<_uncouple_v1_Losses, _uncouple_v1_Losses__Output>
      Matrix: MessageTypeDefinition<_uncouple_v1_Matrix, _uncouple_v1_Matrix__Output>
      MatrixCell: MessageTypeDefinition<_uncouple_v1_MatrixCell, _uncouple_v1_MatrixCell__Output>
      MatrixIntervals: MessageTypeDefinition<_uncouple_v1_MatrixIntervals, _uncouple_v1_MatrixIntervals__Output>
      ModelContract: MessageTypeDefinition<_uncouple_v1_ModelContract, _uncouple_v1_ModelContract__Output>
      Quarantine: MessageTypeDefinition<_uncouple_v1_Quarantine, _uncouple_v1_Quarantine__Output>
      QuarantineReason: EnumTypeDefinition
      SnapshotManifest: MessageTypeDefinition<_uncouple_v1_SnapshotManifest, _uncouple_v1_SnapshotManifest__Output>
      SnapshotPair: MessageTypeDefinition<_uncouple_v1_SnapshotPair, _uncouple_v1_SnapshotPair__Output>
      TensorKind: EnumTypeDefinition
      TensorSpec: MessageTypeDefinition<_uncouple_v1_TensorSpec, _uncouple_v1_TensorSpec__Output>
      UnreadableSnapshot: MessageTypeDefinition<_uncouple_v1_UnreadableSnapshot, _uncouple_v1_UnreadableSnapshot__Output>
      Verdict: MessageTypeDefinition<_uncouple_v1_Verdict, _uncouple_v1_Verdict__Output>
      WatchVerdictsRequest: MessageTypeDefinition<_uncouple_v1_WatchVerdictsRequest, _uncouple_v1_WatchVerdictsRequest__Output>
    }
  }
}

