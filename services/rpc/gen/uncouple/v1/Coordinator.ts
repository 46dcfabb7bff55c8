// Original file: proto/uncouple/v1/worker.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CoordinatorBeat as _uncouple_v1_CoordinatorBeat, CoordinatorBeat__Output as _uncouple_v1_CoordinatorBeat__Output } from '../../uncouple/v1/CoordinatorBeat.ts';
import type { FetchPart as _uncouple_v1_FetchPart, FetchPart__Output as _uncouple_v1_FetchPart__Output } from '../../uncouple/v1/FetchPart.ts';
import type { FetchRequest as _uncouple_v1_FetchRequest, FetchRequest__Output as _uncouple_v1_FetchRequest__Output } from '../../uncouple/v1/FetchRequest.ts';
import type { JoinRequest as _uncouple_v1_JoinRequest, JoinRequest__Output as _uncouple_v1_JoinRequest__Output } from '../../uncouple/v1/JoinRequest.ts';
import type { JoinResponse as _uncouple_v1_JoinResponse, JoinResponse__Output as _uncouple_v1_JoinResponse__Output } from '../../uncouple/v1/JoinResponse.ts';
import type { LeaseRequest as _uncouple_v1_LeaseRequest, LeaseRequest__Output as _uncouple_v1_LeaseRequest__Output } from '../../uncouple/v1/LeaseRequest.ts';
import type { LeaseResponse as _uncouple_v1_LeaseResponse, LeaseResponse__Output as _uncouple_v1_LeaseResponse__Output } from '../../uncouple/v1/LeaseResponse.ts';
import type { ListWorkersRequest as _uncouple_v1_ListWorkersRequest, ListWorkersRequest__Output as _uncouple_v1_ListWorkersRequest__Output } from '../../uncouple/v1/ListWorkersRequest.ts';
import type { ListWorkersResponse as _uncouple_v1_ListWorkersResponse, ListWorkersResponse__Output as _uncouple_v1_ListWorkersResponse__Output } from '../../uncouple/v1/ListWorkersResponse.ts';
import type { ReturnRequest as _uncouple_v1_ReturnRequest, ReturnRequest__Output as _uncouple_v1_ReturnRequest__Output } from '../../uncouple/v1/ReturnRequest.ts';
import type { ReturnResponse as _uncouple_v1_ReturnResponse, ReturnResponse__Output as _uncouple_v1_ReturnResponse__Output } from '../../uncouple/v1/ReturnResponse.ts';
import type { SubmitPart as _uncouple_v1_SubmitPart, SubmitPart__Output as _uncouple_v1_SubmitPart__Output } from '../../uncouple/v1/SubmitPart.ts';
import type { SubmitResponse as _uncouple_v1_SubmitResponse, SubmitResponse__Output as _uncouple_v1_SubmitResponse__Output } from '../../uncouple/v1/SubmitResponse.ts';
import type { WorkerBeat as _uncouple_v1_WorkerBeat, WorkerBeat__Output as _uncouple_v1_WorkerBeat__Output } from '../../uncouple/v1/WorkerBeat.ts';

/**
 * Hands a team's training out in units to workers, which dial in, hold nothing, and may vanish at any time. Served by the
 * team's trainer. The end state of a unit is a pure function of what its lease names, so that any worker may run it, twice
 * if need be.
 */
export interface CoordinatorClient extends grpc.Client {
  /**
   * Tells that the worker lives and gets on with its units, once a second, on a connection of its own; its end is the
   * worker's end.
   */
  Beat(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_uncouple_v1_WorkerBeat, _uncouple_v1_CoordinatorBeat__Output>;
  Beat(options?: grpc.CallOptions): grpc.ClientDuplexStream<_uncouple_v1_WorkerBeat, _uncouple_v1_CoordinatorBeat__Output>;
  /**
   * Tells that the worker lives and gets on with its units, once a second, on a connection of its own; its end is the
   * worker's end.
   */
  beat(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_uncouple_v1_WorkerBeat, _uncouple_v1_CoordinatorBeat__Output>;
  beat(options?: grpc.CallOptions): grpc.ClientDuplexStream<_uncouple_v1_WorkerBeat, _uncouple_v1_CoordinatorBeat__Output>;
  
  /**
   * Streams bytes by their digest: programs, columns, states.
   */
  Fetch(argument: _uncouple_v1_FetchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_FetchPart__Output>;
  Fetch(argument: _uncouple_v1_FetchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_FetchPart__Output>;
  /**
   * Streams bytes by their digest: programs, columns, states.
   */
  fetch(argument: _uncouple_v1_FetchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_FetchPart__Output>;
  fetch(argument: _uncouple_v1_FetchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_FetchPart__Output>;
  
  /**
   * Introduces a worker.
   */
  Join(argument: _uncouple_v1_JoinRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  Join(argument: _uncouple_v1_JoinRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  Join(argument: _uncouple_v1_JoinRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  Join(argument: _uncouple_v1_JoinRequest, callback: grpc.requestCallback<_uncouple_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Introduces a worker.
   */
  join(argument: _uncouple_v1_JoinRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  join(argument: _uncouple_v1_JoinRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  join(argument: _uncouple_v1_JoinRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  join(argument: _uncouple_v1_JoinRequest, callback: grpc.requestCallback<_uncouple_v1_JoinResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Asks for a unit. Answers when there is one, or after some 20 seconds without.
   */
  Lease(argument: _uncouple_v1_LeaseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_LeaseResponse__Output>): grpc.ClientUnaryCall;
  Lease(argument: _uncouple_v1_LeaseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_LeaseResponse__Output>): grpc.ClientUnaryCall;
  Lease(argument: _uncouple_v1_LeaseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_LeaseResponse__Output>): grpc.ClientUnaryCall;
  Lease(argument: _uncouple_v1_LeaseRequest, callback: grpc.requestCallback<_uncouple_v1_LeaseResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Asks for a unit. Answers when there is one, or after some 20 seconds without.
   */
  lease(argument: _uncouple_v1_LeaseRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_LeaseResponse__Output>): grpc.ClientUnaryCall;
  lease(argument: _uncouple_v1_LeaseRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_LeaseResponse__Output>): grpc.ClientUnaryCall;
  lease(argument: _uncouple_v1_LeaseRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_LeaseResponse__Output>): grpc.ClientUnaryCall;
  lease(argument: _uncouple_v1_LeaseRequest, callback: grpc.requestCallback<_uncouple_v1_LeaseResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Lists the workers that are present.
   */
  ListWorkers(argument: _uncouple_v1_ListWorkersRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  ListWorkers(argument: _uncouple_v1_ListWorkersRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  ListWorkers(argument: _uncouple_v1_ListWorkersRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  ListWorkers(argument: _uncouple_v1_ListWorkersRequest, callback: grpc.requestCallback<_uncouple_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Lists the workers that are present.
   */
  listWorkers(argument: _uncouple_v1_ListWorkersRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  listWorkers(argument: _uncouple_v1_ListWorkersRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  listWorkers(argument: _uncouple_v1_ListWorkersRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  listWorkers(argument: _uncouple_v1_ListWorkersRequest, callback: grpc.requestCallback<_uncouple_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Hands a unit back that the worker will not finish.
   */
  Return(argument: _uncouple_v1_ReturnRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_ReturnResponse__Output>): grpc.ClientUnaryCall;
  Return(argument: _uncouple_v1_ReturnRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_ReturnResponse__Output>): grpc.ClientUnaryCall;
  Return(argument: _uncouple_v1_ReturnRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_ReturnResponse__Output>): grpc.ClientUnaryCall;
  Return(argument: _uncouple_v1_ReturnRequest, callback: grpc.requestCallback<_uncouple_v1_ReturnResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Hands a unit back that the worker will not finish.
   */
  return(argument: _uncouple_v1_ReturnRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_ReturnResponse__Output>): grpc.ClientUnaryCall;
  return(argument: _uncouple_v1_ReturnRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_ReturnResponse__Output>): grpc.ClientUnaryCall;
  return(argument: _uncouple_v1_ReturnRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_ReturnResponse__Output>): grpc.ClientUnaryCall;
  return(argument: _uncouple_v1_ReturnRequest, callback: grpc.requestCallback<_uncouple_v1_ReturnResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Brings the result of a unit: first what it is, then its bytes in order. May be repeated with the same bytes.
   */
  Submit(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_SubmitResponse__Output>): grpc.ClientWritableStream<_uncouple_v1_SubmitPart>;
  Submit(metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_SubmitResponse__Output>): grpc.ClientWritableStream<_uncouple_v1_SubmitPart>;
  Submit(options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_SubmitResponse__Output>): grpc.ClientWritableStream<_uncouple_v1_SubmitPart>;
  Submit(callback: grpc.requestCallback<_uncouple_v1_SubmitResponse__Output>): grpc.ClientWritableStream<_uncouple_v1_SubmitPart>;
  /**
   * Brings the result of a unit: first what it is, then its bytes in order. May be repeated with the same bytes.
   */
  submit(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_SubmitResponse__Output>): grpc.ClientWritableStream<_uncouple_v1_SubmitPart>;
  submit(metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_SubmitResponse__Output>): grpc.ClientWritableStream<_uncouple_v1_SubmitPart>;
  submit(options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_SubmitResponse__Output>): grpc.ClientWritableStream<_uncouple_v1_SubmitPart>;
  submit(callback: grpc.requestCallback<_uncouple_v1_SubmitResponse__Output>): grpc.ClientWritableStream<_uncouple_v1_SubmitPart>;
  
}

/**
 * Hands a team's training out in units to workers, which dial in, hold nothing, and may vanish at any time. Served by the
 * team's trainer. The end state of a unit is a pure function of what its lease names, so that any worker may run it, twice
 * if need be.
 */
export interface CoordinatorHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Tells that the worker lives and gets on with its units, once a second, on a connection of its own; its end is the
   * worker's end.
   */
  Beat: grpc.handleBidiStreamingCall<_uncouple_v1_WorkerBeat__Output, _uncouple_v1_CoordinatorBeat>;
  
  /**
   * Streams bytes by their digest: programs, columns, states.
   */
  Fetch: grpc.handleServerStreamingCall<_uncouple_v1_FetchRequest__Output, _uncouple_v1_FetchPart>;
  
  /**
   * Introduces a worker.
   */
  Join: grpc.handleUnaryCall<_uncouple_v1_JoinRequest__Output, _uncouple_v1_JoinResponse>;
  
  /**
   * Asks for a unit. Answers when there is one, or after some 20 seconds without.
   */
  Lease: grpc.handleUnaryCall<_uncouple_v1_LeaseRequest__Output, _uncouple_v1_LeaseResponse>;
  
  /**
   * Lists the workers that are present.
   */
  ListWorkers: grpc.handleUnaryCall<_uncouple_v1_ListWorkersRequest__Output, _uncouple_v1_ListWorkersResponse>;
  
  /**
   * Hands a unit back that the worker will not finish.
   */
  Return: grpc.handleUnaryCall<_uncouple_v1_ReturnRequest__Output, _uncouple_v1_ReturnResponse>;
  
  /**
   * Brings the result of a unit: first what it is, then its bytes in order. May be repeated with the same bytes.
   */
  Submit: grpc.handleClientStreamingCall<_uncouple_v1_SubmitPart__Output, _uncouple_v1_SubmitResponse>;
  
}

export interface CoordinatorDefinition extends grpc.ServiceDefinition {
  Beat: MethodDefinition<_uncouple_v1_WorkerBeat, _uncouple_v1_CoordinatorBeat, _uncouple_v1_WorkerBeat__Output, _uncouple_v1_CoordinatorBeat__Output>
  Fetch: MethodDefinition<_uncouple_v1_FetchRequest, _uncouple_v1_FetchPart, _uncouple_v1_FetchRequest__Output, _uncouple_v1_FetchPart__Output>
  Join: MethodDefinition<_uncouple_v1_JoinRequest, _uncouple_v1_JoinResponse, _uncouple_v1_JoinRequest__Output, _uncouple_v1_JoinResponse__Output>
  Lease: MethodDefinition<_uncouple_v1_LeaseRequest, _uncouple_v1_LeaseResponse, _uncouple_v1_LeaseRequest__Output, _uncouple_v1_LeaseResponse__Output>
  ListWorkers: MethodDefinition<_uncouple_v1_ListWorkersRequest, _uncouple_v1_ListWorkersResponse, _uncouple_v1_ListWorkersRequest__Output, _uncouple_v1_ListWorkersResponse__Output>
  Return: MethodDefinition<_uncouple_v1_ReturnRequest, _uncouple_v1_ReturnResponse, _uncouple_v1_ReturnRequest__Output, _uncouple_v1_ReturnResponse__Output>
  Submit: MethodDefinition<_uncouple_v1_SubmitPart, _uncouple_v1_SubmitResponse, _uncouple_v1_SubmitPart__Output, _uncouple_v1_SubmitResponse__Output>
}
