// Original file: proto/uncouple/v1/evaluator.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { EvaluatorStatus as _uncouple_v1_EvaluatorStatus, EvaluatorStatus__Output as _uncouple_v1_EvaluatorStatus__Output } from '../../uncouple/v1/EvaluatorStatus.ts';
import type { GetEvaluatorStatusRequest as _uncouple_v1_GetEvaluatorStatusRequest, GetEvaluatorStatusRequest__Output as _uncouple_v1_GetEvaluatorStatusRequest__Output } from '../../uncouple/v1/GetEvaluatorStatusRequest.ts';
import type { GetMatrixRequest as _uncouple_v1_GetMatrixRequest, GetMatrixRequest__Output as _uncouple_v1_GetMatrixRequest__Output } from '../../uncouple/v1/GetMatrixRequest.ts';
import type { GetMatrixResponse as _uncouple_v1_GetMatrixResponse, GetMatrixResponse__Output as _uncouple_v1_GetMatrixResponse__Output } from '../../uncouple/v1/GetMatrixResponse.ts';
import type { ListQuarantinesRequest as _uncouple_v1_ListQuarantinesRequest, ListQuarantinesRequest__Output as _uncouple_v1_ListQuarantinesRequest__Output } from '../../uncouple/v1/ListQuarantinesRequest.ts';
import type { ListVerdictsRequest as _uncouple_v1_ListVerdictsRequest, ListVerdictsRequest__Output as _uncouple_v1_ListVerdictsRequest__Output } from '../../uncouple/v1/ListVerdictsRequest.ts';
import type { LoggedVerdict as _uncouple_v1_LoggedVerdict, LoggedVerdict__Output as _uncouple_v1_LoggedVerdict__Output } from '../../uncouple/v1/LoggedVerdict.ts';
import type { Quarantine as _uncouple_v1_Quarantine, Quarantine__Output as _uncouple_v1_Quarantine__Output } from '../../uncouple/v1/Quarantine.ts';
import type { WatchVerdictsRequest as _uncouple_v1_WatchVerdictsRequest, WatchVerdictsRequest__Output as _uncouple_v1_WatchVerdictsRequest__Output } from '../../uncouple/v1/WatchVerdictsRequest.ts';

/**
 * Measures what every published snapshot does to the whole pipeline.
 */
export interface EvaluatorClient extends grpc.Client {
  /**
   * Returns the pipeline loss of every pair of retained snapshots, for each edge of the DAG.
   */
  GetMatrix(argument: _uncouple_v1_GetMatrixRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_GetMatrixResponse__Output>): grpc.ClientUnaryCall;
  GetMatrix(argument: _uncouple_v1_GetMatrixRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_GetMatrixResponse__Output>): grpc.ClientUnaryCall;
  GetMatrix(argument: _uncouple_v1_GetMatrixRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_GetMatrixResponse__Output>): grpc.ClientUnaryCall;
  GetMatrix(argument: _uncouple_v1_GetMatrixRequest, callback: grpc.requestCallback<_uncouple_v1_GetMatrixResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Returns the pipeline loss of every pair of retained snapshots, for each edge of the DAG.
   */
  getMatrix(argument: _uncouple_v1_GetMatrixRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_GetMatrixResponse__Output>): grpc.ClientUnaryCall;
  getMatrix(argument: _uncouple_v1_GetMatrixRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_GetMatrixResponse__Output>): grpc.ClientUnaryCall;
  getMatrix(argument: _uncouple_v1_GetMatrixRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_GetMatrixResponse__Output>): grpc.ClientUnaryCall;
  getMatrix(argument: _uncouple_v1_GetMatrixRequest, callback: grpc.requestCallback<_uncouple_v1_GetMatrixResponse__Output>): grpc.ClientUnaryCall;
  
  GetStatus(argument: _uncouple_v1_GetEvaluatorStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_EvaluatorStatus__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _uncouple_v1_GetEvaluatorStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_EvaluatorStatus__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _uncouple_v1_GetEvaluatorStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_EvaluatorStatus__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _uncouple_v1_GetEvaluatorStatusRequest, callback: grpc.requestCallback<_uncouple_v1_EvaluatorStatus__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _uncouple_v1_GetEvaluatorStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_EvaluatorStatus__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _uncouple_v1_GetEvaluatorStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_EvaluatorStatus__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _uncouple_v1_GetEvaluatorStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_EvaluatorStatus__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _uncouple_v1_GetEvaluatorStatusRequest, callback: grpc.requestCallback<_uncouple_v1_EvaluatorStatus__Output>): grpc.ClientUnaryCall;
  
  /**
   * Lists quarantined snapshots, oldest first.
   */
  ListQuarantines(argument: _uncouple_v1_ListQuarantinesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Quarantine__Output>;
  ListQuarantines(argument: _uncouple_v1_ListQuarantinesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Quarantine__Output>;
  /**
   * Lists quarantined snapshots, oldest first.
   */
  listQuarantines(argument: _uncouple_v1_ListQuarantinesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Quarantine__Output>;
  listQuarantines(argument: _uncouple_v1_ListQuarantinesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Quarantine__Output>;
  
  /**
   * Lists verdicts, oldest first.
   */
  ListVerdicts(argument: _uncouple_v1_ListVerdictsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_LoggedVerdict__Output>;
  ListVerdicts(argument: _uncouple_v1_ListVerdictsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_LoggedVerdict__Output>;
  /**
   * Lists verdicts, oldest first.
   */
  listVerdicts(argument: _uncouple_v1_ListVerdictsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_LoggedVerdict__Output>;
  listVerdicts(argument: _uncouple_v1_ListVerdictsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_LoggedVerdict__Output>;
  
  /**
   * Streams verdicts from a position on, then new ones as they are published.
   */
  WatchVerdicts(argument: _uncouple_v1_WatchVerdictsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_LoggedVerdict__Output>;
  WatchVerdicts(argument: _uncouple_v1_WatchVerdictsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_LoggedVerdict__Output>;
  /**
   * Streams verdicts from a position on, then new ones as they are published.
   */
  watchVerdicts(argument: _uncouple_v1_WatchVerdictsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_LoggedVerdict__Output>;
  watchVerdicts(argument: _uncouple_v1_WatchVerdictsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_LoggedVerdict__Output>;
  
}

/**
 * Measures what every published snapshot does to the whole pipeline.
 */
export interface EvaluatorHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Returns the pipeline loss of every pair of retained snapshots, for each edge of the DAG.
   */
  GetMatrix: grpc.handleUnaryCall<_uncouple_v1_GetMatrixRequest__Output, _uncouple_v1_GetMatrixResponse>;
  
  GetStatus: grpc.handleUnaryCall<_uncouple_v1_GetEvaluatorStatusRequest__Output, _uncouple_v1_EvaluatorStatus>;
  
  /**
   * Lists quarantined snapshots, oldest first.
   */
  ListQuarantines: grpc.handleServerStreamingCall<_uncouple_v1_ListQuarantinesRequest__Output, _uncouple_v1_Quarantine>;
  
  /**
   * Lists verdicts, oldest first.
   */
  ListVerdicts: grpc.handleServerStreamingCall<_uncouple_v1_ListVerdictsRequest__Output, _uncouple_v1_LoggedVerdict>;
  
  /**
   * Streams verdicts from a position on, then new ones as they are published.
   */
  WatchVerdicts: grpc.handleServerStreamingCall<_uncouple_v1_WatchVerdictsRequest__Output, _uncouple_v1_LoggedVerdict>;
  
}

export interface EvaluatorDefinition extends grpc.ServiceDefinition {
  GetMatrix: MethodDefinition<_uncouple_v1_GetMatrixRequest, _uncouple_v1_GetMatrixResponse, _uncouple_v1_GetMatrixRequest__Output, _uncouple_v1_GetMatrixResponse__Output>
  GetStatus: MethodDefinition<_uncouple_v1_GetEvaluatorStatusRequest, _uncouple_v1_EvaluatorStatus, _uncouple_v1_GetEvaluatorStatusRequest__Output, _uncouple_v1_EvaluatorStatus__Output>
  ListQuarantines: MethodDefinition<_uncouple_v1_ListQuarantinesRequest, _uncouple_v1_Quarantine, _uncouple_v1_ListQuarantinesRequest__Output, _uncouple_v1_Quarantine__Output>
  ListVerdicts: MethodDefinition<_uncouple_v1_ListVerdictsRequest, _uncouple_v1_LoggedVerdict, _uncouple_v1_ListVerdictsRequest__Output, _uncouple_v1_LoggedVerdict__Output>
  WatchVerdicts: MethodDefinition<_uncouple_v1_WatchVerdictsRequest, _uncouple_v1_LoggedVerdict, _uncouple_v1_WatchVerdictsRequest__Output, _uncouple_v1_LoggedVerdict__Output>
}
