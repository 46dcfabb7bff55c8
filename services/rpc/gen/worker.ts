import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { CoordinatorClient as _uncouple_v1_CoordinatorClient, CoordinatorDefinition as _uncouple_v1_CoordinatorDefinition } from './uncouple/v1/Coordinator.ts';
import type { CoordinatorBeat as _uncouple_v1_CoordinatorBeat, CoordinatorBeat__Output as _uncouple_v1_CoordinatorBeat__Output } from './uncouple/v1/CoordinatorBeat.ts';
import type { Error as _uncouple_v1_Error, Error__Output as _uncouple_v1_Error__Output } from './uncouple/v1/Error.ts';
import type { FetchPart as _uncouple_v1_FetchPart, FetchPart__Output as _uncouple_v1_FetchPart__Output } from './uncouple/v1/FetchPart.ts';
import type { FetchRequest as _uncouple_v1_FetchRequest, FetchRequest__Output as _uncouple_v1_FetchRequest__Output } from './uncouple/v1/FetchRequest.ts';
import type { JoinRequest as _uncouple_v1_JoinRequest, JoinRequest__Output as _uncouple_v1_JoinRequest__Output } from './uncouple/v1/JoinRequest.ts';
import type { JoinResponse as _uncouple_v1_JoinResponse, JoinResponse__Output as _uncouple_v1_JoinResponse__Output } from './uncouple/v1/JoinResponse.ts';
import type { LeaseRequest as _uncouple_v1_LeaseRequest, LeaseRequest__Output as _uncouple_v1_LeaseRequest__Output } from './uncouple/v1/LeaseRequest.ts';
import type { LeaseResponse as _uncouple_v1_LeaseResponse, LeaseResponse__Output as _uncouple_v1_LeaseResponse__Output } from './uncouple/v1/LeaseResponse.ts';
import type { ListWorkersRequest as _uncouple_v1_ListWorkersRequest, ListWorkersRequest__Output as _uncouple_v1_ListWorkersRequest__Output } from './uncouple/v1/ListWorkersRequest.ts';
import type { ListWorkersResponse as _uncouple_v1_ListWorkersResponse, ListWorkersResponse__Output as _uncouple_v1_ListWorkersResponse__Output } from './uncouple/v1/ListWorkersResponse.ts';
import type { ParameterValue as _uncouple_v1_ParameterValue, ParameterValue__Output as _uncouple_v1_ParameterValue__Output } from './uncouple/v1/ParameterValue.ts';
import type { Protocol as _uncouple_v1_Protocol, Protocol__Output as _uncouple_v1_Protocol__Output } from './uncouple/v1/Protocol.ts';
import type { ReturnRequest as _uncouple_v1_ReturnRequest, ReturnRequest__Output as _uncouple_v1_ReturnRequest__Output } from './uncouple/v1/ReturnRequest.ts';
import type { ReturnResponse as _uncouple_v1_ReturnResponse, ReturnResponse__Output as _uncouple_v1_ReturnResponse__Output } from './uncouple/v1/ReturnResponse.ts';
import type { SubmitPart as _uncouple_v1_SubmitPart, SubmitPart__Output as _uncouple_v1_SubmitPart__Output } from './uncouple/v1/SubmitPart.ts';
import type { SubmitResponse as _uncouple_v1_SubmitResponse, SubmitResponse__Output as _uncouple_v1_SubmitResponse__Output } from './uncouple/v1/SubmitResponse.ts';
import type { UnitJob as _uncouple_v1_UnitJob, UnitJob__Output as _uncouple_v1_UnitJob__Output } from './uncouple/v1/UnitJob.ts';
import type { UnitLease as _uncouple_v1_UnitLease, UnitLease__Output as _uncouple_v1_UnitLease__Output } from './uncouple/v1/UnitLease.ts';
import type { UnitProgress as _uncouple_v1_UnitProgress, UnitProgress__Output as _uncouple_v1_UnitProgress__Output } from './uncouple/v1/UnitProgress.ts';
import type { UnitResult as _uncouple_v1_UnitResult, UnitResult__Output as _uncouple_v1_UnitResult__Output } from './uncouple/v1/UnitResult.ts';
import type { Worker as _uncouple_v1_Worker, Worker__Output as _uncouple_v1_Worker__Output } from './uncouple/v1/Worker.ts';
import type { WorkerBeat as _uncouple_v1_WorkerBeat, WorkerBeat__Output as _uncouple_v1_WorkerBeat__Output } from './uncouple/v1/WorkerBeat.ts';
import type { WorkerEngine as _uncouple_v1_WorkerEngine, WorkerEngine__Output as _uncouple_v1_WorkerEngine__Output } from './uncouple/v1/WorkerEngine.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  uncouple: {
    v1: {
      /**
       * Hands a team's training out in units to workers, which dial in, hold nothing, and may vanish at any time. Served by the
       * team's trainer. The end state of a unit is a pure function of what its lease names, so that any worker may run it, twice
       * if need be.
       */
      Coordinator: SubtypeConstructor<typeof grpc.Client, _uncouple_v1_CoordinatorClient> & { service: _uncouple_v1_CoordinatorDefinition }
      CoordinatorBeat: MessageTypeDefinition<_uncouple_v1_CoordinatorBeat, _uncouple_v1_CoordinatorBeat__Output>
      Error: MessageTypeDefinition<_uncouple_v1_Error, _uncouple_v1_Error__Output>
      ErrorReason: EnumTypeDefinition
      FetchPart: MessageTypeDefinition<_uncouple_v1_FetchPart, _uncouple_v1_FetchPart__Output>
      FetchRequest: MessageTypeDefinition<_uncouple_v1_FetchRequest, _uncouple_v1_FetchRequest__Output>
      JoinRefusal: EnumTypeDefinition
      JoinRequest: MessageTypeDefinition<_uncouple_v1_JoinRequest, _uncouple_v1_JoinRequest__Output>
      JoinResponse: MessageTypeDefinition<_uncouple_v1_JoinResponse, _uncouple_v1_JoinResponse__Output>
      LeaseRequest: MessageTypeDefinition<_uncouple_v1_LeaseRequest, _uncouple_v1_LeaseRequest__Output>
      LeaseResponse: MessageTypeDefinition<_uncouple_v1_LeaseResponse, _uncouple_v1_LeaseResponse__Output>
      ListWorkersRequest: MessageTypeDefinition<_uncouple_v1_ListWorkersRequest, _uncouple_v1_ListWorkersRequest__Output>
      ListWorkersResponse: MessageTypeDefinition<_uncouple_v1_ListWorkersResponse, _uncouple_v1_ListWorkersResponse__Output>
      ParameterValue: MessageTypeDefinition<_uncouple_v1_ParameterValue, _uncouple_v1_ParameterValue__Output>
      Protocol: MessageTypeDefinition<_uncouple_v1_Protocol, _uncouple_v1_Protocol__Output>
      ReturnRequest: MessageTypeDefinition<_uncouple_v1_ReturnRequest, _uncouple_v1_ReturnRequest__Output>
      ReturnResponse: MessageTypeDefinition<_uncouple_v1_ReturnResponse, _uncouple_v1_ReturnResponse__Output>
      SubmitPart: MessageTypeDefinition<_uncouple_v1_SubmitPart, _uncouple_v1_SubmitPart__Output>
      SubmitResponse: MessageTypeDefinition<_uncouple_v1_SubmitResponse, _uncouple_v1_SubmitResponse__Output>
      UnitFate: EnumTypeDefinition
      UnitJob: MessageTypeDefinition<_uncouple_v1_UnitJob, _uncouple_v1_UnitJob__Output>
      UnitLease: MessageTypeDefinition<_uncouple_v1_UnitLease, _uncouple_v1_UnitLease__Output>
      UnitProgress: MessageTypeDefinition<_uncouple_v1_UnitProgress, _uncouple_v1_UnitProgress__Output>
      UnitResult: MessageTypeDefinition<_uncouple_v1_UnitResult, _uncouple_v1_UnitResult__Output>
      Worker: MessageTypeDefinition<_uncouple_v1_Worker, _uncouple_v1_Worker__Output>
      WorkerBeat: MessageTypeDefinition<_uncouple_v1_WorkerBeat, _uncouple_v1_WorkerBeat__Output>
      WorkerEngine: MessageTypeDefinition<_uncouple_v1_WorkerEngine, _uncouple_v1_WorkerEngine__Output>
    }
  }
}

