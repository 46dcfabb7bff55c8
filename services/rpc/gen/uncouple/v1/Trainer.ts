// Original file: proto/uncouple/v1/trainer.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CancelRunRequest as _uncouple_v1_CancelRunRequest, CancelRunRequest__Output as _uncouple_v1_CancelRunRequest__Output } from '../../uncouple/v1/CancelRunRequest.ts';
import type { GetRunReportRequest as _uncouple_v1_GetRunReportRequest, GetRunReportRequest__Output as _uncouple_v1_GetRunReportRequest__Output } from '../../uncouple/v1/GetRunReportRequest.ts';
import type { GetRunRequest as _uncouple_v1_GetRunRequest, GetRunRequest__Output as _uncouple_v1_GetRunRequest__Output } from '../../uncouple/v1/GetRunRequest.ts';
import type { GetTrainerStatusRequest as _uncouple_v1_GetTrainerStatusRequest, GetTrainerStatusRequest__Output as _uncouple_v1_GetTrainerStatusRequest__Output } from '../../uncouple/v1/GetTrainerStatusRequest.ts';
import type { ListComponentsRequest as _uncouple_v1_ListComponentsRequest, ListComponentsRequest__Output as _uncouple_v1_ListComponentsRequest__Output } from '../../uncouple/v1/ListComponentsRequest.ts';
import type { ListComponentsResponse as _uncouple_v1_ListComponentsResponse, ListComponentsResponse__Output as _uncouple_v1_ListComponentsResponse__Output } from '../../uncouple/v1/ListComponentsResponse.ts';
import type { ListRunsRequest as _uncouple_v1_ListRunsRequest, ListRunsRequest__Output as _uncouple_v1_ListRunsRequest__Output } from '../../uncouple/v1/ListRunsRequest.ts';
import type { PredictRequest as _uncouple_v1_PredictRequest, PredictRequest__Output as _uncouple_v1_PredictRequest__Output } from '../../uncouple/v1/PredictRequest.ts';
import type { PredictResponse as _uncouple_v1_PredictResponse, PredictResponse__Output as _uncouple_v1_PredictResponse__Output } from '../../uncouple/v1/PredictResponse.ts';
import type { ReadSnapshotRequest as _uncouple_v1_ReadSnapshotRequest, ReadSnapshotRequest__Output as _uncouple_v1_ReadSnapshotRequest__Output } from '../../uncouple/v1/ReadSnapshotRequest.ts';
import type { Run as _uncouple_v1_Run, Run__Output as _uncouple_v1_Run__Output } from '../../uncouple/v1/Run.ts';
import type { RunReport as _uncouple_v1_RunReport, RunReport__Output as _uncouple_v1_RunReport__Output } from '../../uncouple/v1/RunReport.ts';
import type { SnapshotPart as _uncouple_v1_SnapshotPart, SnapshotPart__Output as _uncouple_v1_SnapshotPart__Output } from '../../uncouple/v1/SnapshotPart.ts';
import type { StartRunRequest as _uncouple_v1_StartRunRequest, StartRunRequest__Output as _uncouple_v1_StartRunRequest__Output } from '../../uncouple/v1/StartRunRequest.ts';
import type { TrainerStatus as _uncouple_v1_TrainerStatus, TrainerStatus__Output as _uncouple_v1_TrainerStatus__Output } from '../../uncouple/v1/TrainerStatus.ts';
import type { WatchRunRequest as _uncouple_v1_WatchRunRequest, WatchRunRequest__Output as _uncouple_v1_WatchRunRequest__Output } from '../../uncouple/v1/WatchRunRequest.ts';

/**
 * Trains the components of one or several teams. Every request may name the component that it is about; it must where the
 * trainer hosts several.
 */
export interface TrainerClient extends grpc.Client {
  CancelRun(argument: _uncouple_v1_CancelRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  CancelRun(argument: _uncouple_v1_CancelRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  CancelRun(argument: _uncouple_v1_CancelRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  CancelRun(argument: _uncouple_v1_CancelRunRequest, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  cancelRun(argument: _uncouple_v1_CancelRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  cancelRun(argument: _uncouple_v1_CancelRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  cancelRun(argument: _uncouple_v1_CancelRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  cancelRun(argument: _uncouple_v1_CancelRunRequest, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  
  GetRun(argument: _uncouple_v1_GetRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  GetRun(argument: _uncouple_v1_GetRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  GetRun(argument: _uncouple_v1_GetRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  GetRun(argument: _uncouple_v1_GetRunRequest, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  getRun(argument: _uncouple_v1_GetRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  getRun(argument: _uncouple_v1_GetRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  getRun(argument: _uncouple_v1_GetRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  getRun(argument: _uncouple_v1_GetRunRequest, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  
  /**
   * Gets what is known about a run for its report.
   */
  GetRunReport(argument: _uncouple_v1_GetRunReportRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_RunReport__Output>): grpc.ClientUnaryCall;
  GetRunReport(argument: _uncouple_v1_GetRunReportRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_RunReport__Output>): grpc.ClientUnaryCall;
  GetRunReport(argument: _uncouple_v1_GetRunReportRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_RunReport__Output>): grpc.ClientUnaryCall;
  GetRunReport(argument: _uncouple_v1_GetRunReportRequest, callback: grpc.requestCallback<_uncouple_v1_RunReport__Output>): grpc.ClientUnaryCall;
  /**
   * Gets what is known about a run for its report.
   */
  getRunReport(argument: _uncouple_v1_GetRunReportRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_RunReport__Output>): grpc.ClientUnaryCall;
  getRunReport(argument: _uncouple_v1_GetRunReportRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_RunReport__Output>): grpc.ClientUnaryCall;
  getRunReport(argument: _uncouple_v1_GetRunReportRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_RunReport__Output>): grpc.ClientUnaryCall;
  getRunReport(argument: _uncouple_v1_GetRunReportRequest, callback: grpc.requestCallback<_uncouple_v1_RunReport__Output>): grpc.ClientUnaryCall;
  
  GetStatus(argument: _uncouple_v1_GetTrainerStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _uncouple_v1_GetTrainerStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _uncouple_v1_GetTrainerStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _uncouple_v1_GetTrainerStatusRequest, callback: grpc.requestCallback<_uncouple_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _uncouple_v1_GetTrainerStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _uncouple_v1_GetTrainerStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _uncouple_v1_GetTrainerStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _uncouple_v1_GetTrainerStatusRequest, callback: grpc.requestCallback<_uncouple_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  
  /**
   * Lists the components that this trainer hosts.
   */
  ListComponents(argument: _uncouple_v1_ListComponentsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_ListComponentsResponse__Output>): grpc.ClientUnaryCall;
  ListComponents(argument: _uncouple_v1_ListComponentsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_ListComponentsResponse__Output>): grpc.ClientUnaryCall;
  ListComponents(argument: _uncouple_v1_ListComponentsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_ListComponentsResponse__Output>): grpc.ClientUnaryCall;
  ListComponents(argument: _uncouple_v1_ListComponentsRequest, callback: grpc.requestCallback<_uncouple_v1_ListComponentsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Lists the components that this trainer hosts.
   */
  listComponents(argument: _uncouple_v1_ListComponentsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_ListComponentsResponse__Output>): grpc.ClientUnaryCall;
  listComponents(argument: _uncouple_v1_ListComponentsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_ListComponentsResponse__Output>): grpc.ClientUnaryCall;
  listComponents(argument: _uncouple_v1_ListComponentsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_ListComponentsResponse__Output>): grpc.ClientUnaryCall;
  listComponents(argument: _uncouple_v1_ListComponentsRequest, callback: grpc.requestCallback<_uncouple_v1_ListComponentsResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Lists runs, newest first.
   */
  ListRuns(argument: _uncouple_v1_ListRunsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Run__Output>;
  ListRuns(argument: _uncouple_v1_ListRunsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Run__Output>;
  /**
   * Lists runs, newest first.
   */
  listRuns(argument: _uncouple_v1_ListRunsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Run__Output>;
  listRuns(argument: _uncouple_v1_ListRunsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Run__Output>;
  
  /**
   * Predicts a batch of rows.
   */
  Predict(argument: _uncouple_v1_PredictRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_PredictResponse__Output>): grpc.ClientUnaryCall;
  Predict(argument: _uncouple_v1_PredictRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_PredictResponse__Output>): grpc.ClientUnaryCall;
  Predict(argument: _uncouple_v1_PredictRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_PredictResponse__Output>): grpc.ClientUnaryCall;
  Predict(argument: _uncouple_v1_PredictRequest, callback: grpc.requestCallback<_uncouple_v1_PredictResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Predicts a batch of rows.
   */
  predict(argument: _uncouple_v1_PredictRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_PredictResponse__Output>): grpc.ClientUnaryCall;
  predict(argument: _uncouple_v1_PredictRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_PredictResponse__Output>): grpc.ClientUnaryCall;
  predict(argument: _uncouple_v1_PredictRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_PredictResponse__Output>): grpc.ClientUnaryCall;
  predict(argument: _uncouple_v1_PredictRequest, callback: grpc.requestCallback<_uncouple_v1_PredictResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Streams the manifest, then the ONNX bytes in order.
   */
  ReadSnapshot(argument: _uncouple_v1_ReadSnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_SnapshotPart__Output>;
  ReadSnapshot(argument: _uncouple_v1_ReadSnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_SnapshotPart__Output>;
  /**
   * Streams the manifest, then the ONNX bytes in order.
   */
  readSnapshot(argument: _uncouple_v1_ReadSnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_SnapshotPart__Output>;
  readSnapshot(argument: _uncouple_v1_ReadSnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_SnapshotPart__Output>;
  
  /**
   * Queues a run and returns immediately.
   */
  StartRun(argument: _uncouple_v1_StartRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  StartRun(argument: _uncouple_v1_StartRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  StartRun(argument: _uncouple_v1_StartRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  StartRun(argument: _uncouple_v1_StartRunRequest, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  /**
   * Queues a run and returns immediately.
   */
  startRun(argument: _uncouple_v1_StartRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  startRun(argument: _uncouple_v1_StartRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  startRun(argument: _uncouple_v1_StartRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  startRun(argument: _uncouple_v1_StartRunRequest, callback: grpc.requestCallback<_uncouple_v1_Run__Output>): grpc.ClientUnaryCall;
  
  /**
   * Streams the run's current state and every change until it ends.
   */
  WatchRun(argument: _uncouple_v1_WatchRunRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Run__Output>;
  WatchRun(argument: _uncouple_v1_WatchRunRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Run__Output>;
  /**
   * Streams the run's current state and every change until it ends.
   */
  watchRun(argument: _uncouple_v1_WatchRunRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Run__Output>;
  watchRun(argument: _uncouple_v1_WatchRunRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Run__Output>;
  
}

/**
 * Trains the components of one or several teams. Every request may name the component that it is about; it must where the
 * trainer hosts several.
 */
export interface TrainerHandlers extends grpc.UntypedServiceImplementation {
  CancelRun: grpc.handleUnaryCall<_uncouple_v1_CancelRunRequest__Output, _uncouple_v1_Run>;
  
  GetRun: grpc.handleUnaryCall<_uncouple_v1_GetRunRequest__Output, _uncouple_v1_Run>;
  
  /**
   * Gets what is known about a run for its report.
   */
  GetRunReport: grpc.handleUnaryCall<_uncouple_v1_GetRunReportRequest__Output, _uncouple_v1_RunReport>;
  
  GetStatus: grpc.handleUnaryCall<_uncouple_v1_GetTrainerStatusRequest__Output, _uncouple_v1_TrainerStatus>;
  
  /**
   * Lists the components that this trainer hosts.
   */
  ListComponents: grpc.handleUnaryCall<_uncouple_v1_ListComponentsRequest__Output, _uncouple_v1_ListComponentsResponse>;
  
  /**
   * Lists runs, newest first.
   */
  ListRuns: grpc.handleServerStreamingCall<_uncouple_v1_ListRunsRequest__Output, _uncouple_v1_Run>;
  
  /**
   * Predicts a batch of rows.
   */
  Predict: grpc.handleUnaryCall<_uncouple_v1_PredictRequest__Output, _uncouple_v1_PredictResponse>;
  
  /**
   * Streams the manifest, then the ONNX bytes in order.
   */
  ReadSnapshot: grpc.handleServerStreamingCall<_uncouple_v1_ReadSnapshotRequest__Output, _uncouple_v1_SnapshotPart>;
  
  /**
   * Queues a run and returns immediately.
   */
  StartRun: grpc.handleUnaryCall<_uncouple_v1_StartRunRequest__Output, _uncouple_v1_Run>;
  
  /**
   * Streams the run's current state and every change until it ends.
   */
  WatchRun: grpc.handleServerStreamingCall<_uncouple_v1_WatchRunRequest__Output, _uncouple_v1_Run>;
  
}

export interface TrainerDefinition extends grpc.ServiceDefinition {
  CancelRun: MethodDefinition<_uncouple_v1_CancelRunRequest, _uncouple_v1_Run, _uncouple_v1_CancelRunRequest__Output, _uncouple_v1_Run__Output>
  GetRun: MethodDefinition<_uncouple_v1_GetRunRequest, _uncouple_v1_Run, _uncouple_v1_GetRunRequest__Output, _uncouple_v1_Run__Output>
  GetRunReport: MethodDefinition<_uncouple_v1_GetRunReportRequest, _uncouple_v1_RunReport, _uncouple_v1_GetRunReportRequest__Output, _uncouple_v1_RunReport__Output>
  GetStatus: MethodDefinition<_uncouple_v1_GetTrainerStatusRequest, _uncouple_v1_TrainerStatus, _uncouple_v1_GetTrainerStatusRequest__Output, _uncouple_v1_TrainerStatus__Output>
  ListComponents: MethodDefinition<_uncouple_v1_ListComponentsRequest, _uncouple_v1_ListComponentsResponse, _uncouple_v1_ListComponentsRequest__Output, _uncouple_v1_ListComponentsResponse__Output>
  ListRuns: MethodDefinition<_uncouple_v1_ListRunsRequest, _uncouple_v1_Run, _uncouple_v1_ListRunsRequest__Output, _uncouple_v1_Run__Output>
  Predict: MethodDefinition<_uncouple_v1_PredictRequest, _uncouple_v1_PredictResponse, _uncouple_v1_PredictRequest__Output, _uncouple_v1_PredictResponse__Output>
  ReadSnapshot: MethodDefinition<_uncouple_v1_ReadSnapshotRequest, _uncouple_v1_SnapshotPart, _uncouple_v1_ReadSnapshotRequest__Output, _uncouple_v1_SnapshotPart__Output>
  StartRun: MethodDefinition<_uncouple_v1_StartRunRequest, _uncouple_v1_Run, _uncouple_v1_StartRunRequest__Output, _uncouple_v1_Run__Output>
  WatchRun: MethodDefinition<_uncouple_v1_WatchRunRequest, _uncouple_v1_Run, _uncouple_v1_WatchRunRequest__Output, _uncouple_v1_Run__Output>
}
