import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { EvaluatorClient as _uncouple_v1_EvaluatorClient, EvaluatorDefinition as _uncouple_v1_EvaluatorDefinition } from './uncouple/v1/Evaluator.ts';
import type { EvaluatorStatus as _uncouple_v1_EvaluatorStatus, EvaluatorStatus__Output as _uncouple_v1_EvaluatorStatus__Output } from './uncouple/v1/EvaluatorStatus.ts';
import type { GetEvaluatorStatusRequest as _uncouple_v1_GetEvaluatorStatusRequest, GetEvaluatorStatusRequest__Output as _uncouple_v1_GetEvaluatorStatusRequest__Output } from './uncouple/v1/GetEvaluatorStatusRequest.ts';
import type { GetMatrixRequest as _uncouple_v1_GetMatrixRequest, GetMatrixRequest__Output as _uncouple_v1_GetMatrixRequest__Output } from './uncouple/v1/GetMatrixRequest.ts';
import type { GetMatrixResponse as _uncouple_v1_GetMatrixResponse, GetMatrixResponse__Output as _uncouple_v1_GetMatrixResponse__Output } from './uncouple/v1/GetMatrixResponse.ts';
import type { ListQuarantinesRequest as _uncouple_v1_ListQuarantinesRequest, ListQuarantinesRequest__Output as _uncouple_v1_ListQuarantinesRequest__Output } from './uncouple/v1/ListQuarantinesRequest.ts';
import type { ListVerdictsRequest as _uncouple_v1_ListVerdictsRequest, ListVerdictsRequest__Output as _uncouple_v1_ListVerdictsRequest__Output } from './uncouple/v1/ListVerdictsRequest.ts';
import type { LoggedVerdict as _uncouple_v1_LoggedVerdict, LoggedVerdict__Output as _uncouple_v1_LoggedVerdict__Output } from './uncouple/v1/LoggedVerdict.ts';
import type { Matrix as _uncouple_v1_Matrix, Matrix__Output as _uncouple_v1_Matrix__Output } from './uncouple/v1/Matrix.ts';
import type { MatrixCell as _uncouple_v1_MatrixCell, MatrixCell__Output as _uncouple_v1_MatrixCell__Output } from './uncouple/v1/MatrixCell.ts';
import type { Quarantine as _uncouple_v1_Quarantine, Quarantine__Output as _uncouple_v1_Quarantine__Output } from './uncouple/v1/Quarantine.ts';
import type { WatchVerdictsRequest as _uncouple_v1_WatchVerdictsRequest, WatchVerdictsRequest__Output as _uncouple_v1_WatchVerdictsRequest__Output } from './uncouple/v1/WatchVerdictsRequest.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  uncouple: {
    v1: {
      /**
       * Measures what every published snapshot does to the whole pipeline.
       */
      Evaluator: SubtypeConstructor<typeof grpc.Client, _uncouple_v1_EvaluatorClient> & { service: _uncouple_v1_EvaluatorDefinition }
      EvaluatorState: EnumTypeDefinition
      EvaluatorStatus: MessageTypeDefinition<_uncouple_v1_EvaluatorStatus, _uncouple_v1_EvaluatorStatus__Output>
      GetEvaluatorStatusRequest: MessageTypeDefinition<_uncouple_v1_GetEvaluatorStatusRequest, _uncouple_v1_GetEvaluatorStatusRequest__Output>
      GetMatrixRequest: MessageTypeDefinition<_uncouple_v1_GetMatrixRequest, _uncouple_v1_GetMatrixRequest__Output>
      GetMatrixResponse: MessageTypeDefinition<_uncouple_v1_GetMatrixResponse, _uncouple_v1_GetMatrixResponse__Output>
      ListQuarantinesRequest: MessageTypeDefinition<_uncouple_v1_ListQuarantinesRequest, _uncouple_v1_ListQuarantinesRequest__Output>
      ListVerdictsRequest: MessageTypeDefinition<_uncouple_v1_ListVerdictsRequest, _uncouple_v1_ListVerdictsRequest__Output>
      LoggedVerdict: MessageTypeDefinition<_uncouple_v1_LoggedVerdict, _uncouple_v1_LoggedVerdict__Output>
      Matrix: MessageTypeDefinition<_uncouple_v1_Matrix, _uncouple_v1_Matrix__Output>
      MatrixCell: MessageTypeDefinition<_uncouple_v1_MatrixCell, _uncouple_v1_MatrixCell__Output>
      Quarantine: MessageTypeDefinition<_uncouple_v1_Quarantine, _uncouple_v1_Quarantine__Output>
      QuarantineReason: EnumTypeDefinition
      WatchVerdictsRequest: MessageTypeDefinition<_uncouple_v1_WatchVerdictsRequest, _uncouple_v1_WatchVerdictsRequest__Output>
    }
  }
}

