// Original file: proto/uncouple/v1/tuning.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ExtendStudyRequest as _uncouple_v1_ExtendStudyRequest, ExtendStudyRequest__Output as _uncouple_v1_ExtendStudyRequest__Output } from '../../uncouple/v1/ExtendStudyRequest.ts';
import type { GetStudyRequest as _uncouple_v1_GetStudyRequest, GetStudyRequest__Output as _uncouple_v1_GetStudyRequest__Output } from '../../uncouple/v1/GetStudyRequest.ts';
import type { ListStudiesRequest as _uncouple_v1_ListStudiesRequest, ListStudiesRequest__Output as _uncouple_v1_ListStudiesRequest__Output } from '../../uncouple/v1/ListStudiesRequest.ts';
import type { RunTrialRequest as _uncouple_v1_RunTrialRequest, RunTrialRequest__Output as _uncouple_v1_RunTrialRequest__Output } from '../../uncouple/v1/RunTrialRequest.ts';
import type { StartStudyRequest as _uncouple_v1_StartStudyRequest, StartStudyRequest__Output as _uncouple_v1_StartStudyRequest__Output } from '../../uncouple/v1/StartStudyRequest.ts';
import type { StopStudyRequest as _uncouple_v1_StopStudyRequest, StopStudyRequest__Output as _uncouple_v1_StopStudyRequest__Output } from '../../uncouple/v1/StopStudyRequest.ts';
import type { Study as _uncouple_v1_Study, Study__Output as _uncouple_v1_Study__Output } from '../../uncouple/v1/Study.ts';
import type { Trial as _uncouple_v1_Trial, Trial__Output as _uncouple_v1_Trial__Output } from '../../uncouple/v1/Trial.ts';
import type { WatchStudyRequest as _uncouple_v1_WatchStudyRequest, WatchStudyRequest__Output as _uncouple_v1_WatchStudyRequest__Output } from '../../uncouple/v1/WatchStudyRequest.ts';

/**
 * Searches for the parameters of a component's training. A study samples trials, trains each on a part of the training rows,
 * and measures it on the rest; held-out rows are never read, and trials publish nothing. Every request may name the component
 * that it is about; it must where the trainer hosts several.
 */
export interface TuningClient extends grpc.Client {
  /**
   * Sets the number of trials that a study is to have, if that is more than it has, and goes on with a study that was stopped
   * or has failed.
   */
  ExtendStudy(argument: _uncouple_v1_ExtendStudyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  ExtendStudy(argument: _uncouple_v1_ExtendStudyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  ExtendStudy(argument: _uncouple_v1_ExtendStudyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  ExtendStudy(argument: _uncouple_v1_ExtendStudyRequest, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  /**
   * Sets the number of trials that a study is to have, if that is more than it has, and goes on with a study that was stopped
   * or has failed.
   */
  extendStudy(argument: _uncouple_v1_ExtendStudyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  extendStudy(argument: _uncouple_v1_ExtendStudyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  extendStudy(argument: _uncouple_v1_ExtendStudyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  extendStudy(argument: _uncouple_v1_ExtendStudyRequest, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  
  GetStudy(argument: _uncouple_v1_GetStudyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  GetStudy(argument: _uncouple_v1_GetStudyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  GetStudy(argument: _uncouple_v1_GetStudyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  GetStudy(argument: _uncouple_v1_GetStudyRequest, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  getStudy(argument: _uncouple_v1_GetStudyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  getStudy(argument: _uncouple_v1_GetStudyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  getStudy(argument: _uncouple_v1_GetStudyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  getStudy(argument: _uncouple_v1_GetStudyRequest, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  
  /**
   * Lists the studies of the component, newest first.
   */
  ListStudies(argument: _uncouple_v1_ListStudiesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Study__Output>;
  ListStudies(argument: _uncouple_v1_ListStudiesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Study__Output>;
  /**
   * Lists the studies of the component, newest first.
   */
  listStudies(argument: _uncouple_v1_ListStudiesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Study__Output>;
  listStudies(argument: _uncouple_v1_ListStudiesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Study__Output>;
  
  /**
   * Ask and tell: runs a trial with parameters that the client chose, and streams it until it ends with a value. A client that
   * cancels the call ends the trial, which counts as pruned. A trial that the trainer's restart interrupts goes on by itself;
   * GetStudy has its value.
   */
  RunTrial(argument: _uncouple_v1_RunTrialRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Trial__Output>;
  RunTrial(argument: _uncouple_v1_RunTrialRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Trial__Output>;
  /**
   * Ask and tell: runs a trial with parameters that the client chose, and streams it until it ends with a value. A client that
   * cancels the call ends the trial, which counts as pruned. A trial that the trainer's restart interrupts goes on by itself;
   * GetStudy has its value.
   */
  runTrial(argument: _uncouple_v1_RunTrialRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Trial__Output>;
  runTrial(argument: _uncouple_v1_RunTrialRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Trial__Output>;
  
  /**
   * Starts a study, which is durable when the call returns.
   */
  StartStudy(argument: _uncouple_v1_StartStudyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  StartStudy(argument: _uncouple_v1_StartStudyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  StartStudy(argument: _uncouple_v1_StartStudyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  StartStudy(argument: _uncouple_v1_StartStudyRequest, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  /**
   * Starts a study, which is durable when the call returns.
   */
  startStudy(argument: _uncouple_v1_StartStudyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  startStudy(argument: _uncouple_v1_StartStudyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  startStudy(argument: _uncouple_v1_StartStudyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  startStudy(argument: _uncouple_v1_StartStudyRequest, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  
  /**
   * Stops a study. Its trials in progress keep their checkpoints, and ExtendStudy goes on with them.
   */
  StopStudy(argument: _uncouple_v1_StopStudyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  StopStudy(argument: _uncouple_v1_StopStudyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  StopStudy(argument: _uncouple_v1_StopStudyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  StopStudy(argument: _uncouple_v1_StopStudyRequest, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  /**
   * Stops a study. Its trials in progress keep their checkpoints, and ExtendStudy goes on with them.
   */
  stopStudy(argument: _uncouple_v1_StopStudyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  stopStudy(argument: _uncouple_v1_StopStudyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  stopStudy(argument: _uncouple_v1_StopStudyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  stopStudy(argument: _uncouple_v1_StopStudyRequest, callback: grpc.requestCallback<_uncouple_v1_Study__Output>): grpc.ClientUnaryCall;
  
  /**
   * Streams the study's current state and its changes until it is neither waiting nor running. A slow reader skips states, but
   * never the last one.
   */
  WatchStudy(argument: _uncouple_v1_WatchStudyRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Study__Output>;
  WatchStudy(argument: _uncouple_v1_WatchStudyRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Study__Output>;
  /**
   * Streams the study's current state and its changes until it is neither waiting nor running. A slow reader skips states, but
   * never the last one.
   */
  watchStudy(argument: _uncouple_v1_WatchStudyRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Study__Output>;
  watchStudy(argument: _uncouple_v1_WatchStudyRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_uncouple_v1_Study__Output>;
  
}

/**
 * Searches for the parameters of a component's training. A study samples trials, trains each on a part of the training rows,
 * and measures it on the rest; held-out rows are never read, and trials publish nothing. Every request may name the component
 * that it is about; it must where the trainer hosts several.
 */
export interface TuningHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Sets the number of trials that a study is to have, if that is more than it has, and goes on with a study that was stopped
   * or has failed.
   */
  ExtendStudy: grpc.handleUnaryCall<_uncouple_v1_ExtendStudyRequest__Output, _uncouple_v1_Study>;
  
  GetStudy: grpc.handleUnaryCall<_uncouple_v1_GetStudyRequest__Output, _uncouple_v1_Study>;
  
  /**
   * Lists the studies of the component, newest first.
   */
  ListStudies: grpc.handleServerStreamingCall<_uncouple_v1_ListStudiesRequest__Output, _uncouple_v1_Study>;
  
  /**
   * Ask and tell: runs a trial with parameters that the client chose, and streams it until it ends with a value. A client that
   * cancels the call ends the trial, which counts as pruned. A trial that the trainer's restart interrupts goes on by itself;
   * GetStudy has its value.
   */
  RunTrial: grpc.handleServerStreamingCall<_uncouple_v1_RunTrialRequest__Output, _uncouple_v1_Trial>;
  
  /**
   * Starts a study, which is durable when the call returns.
   */
  StartStudy: grpc.handleUnaryCall<_uncouple_v1_StartStudyRequest__Output, _uncouple_v1_Study>;
  
  /**
   * Stops a study. Its trials in progress keep their checkpoints, and ExtendStudy goes on with them.
   */
  StopStudy: grpc.handleUnaryCall<_uncouple_v1_StopStudyRequest__Output, _uncouple_v1_Study>;
  
  /**
   * Streams the study's current state and its changes until it is neither waiting nor running. A slow reader skips states, but
   * never the last one.
   */
  WatchStudy: grpc.handleServerStreamingCall<_uncouple_v1_WatchStudyRequest__Output, _uncouple_v1_Study>;
  
}

export interface TuningDefinition extends grpc.ServiceDefinition {
  ExtendStudy: MethodDefinition<_uncouple_v1_ExtendStudyRequest, _uncouple_v1_Study, _uncouple_v1_ExtendStudyRequest__Output, _uncouple_v1_Study__Output>
  GetStudy: MethodDefinition<_uncouple_v1_GetStudyRequest, _uncouple_v1_Study, _uncouple_v1_GetStudyRequest__Output, _uncouple_v1_Study__Output>
  ListStudies: MethodDefinition<_uncouple_v1_ListStudiesRequest, _uncouple_v1_Study, _uncouple_v1_ListStudiesRequest__Output, _uncouple_v1_Study__Output>
  RunTrial: MethodDefinition<_uncouple_v1_RunTrialRequest, _uncouple_v1_Trial, _uncouple_v1_RunTrialRequest__Output, _uncouple_v1_Trial__Output>
  StartStudy: MethodDefinition<_uncouple_v1_StartStudyRequest, _uncouple_v1_Study, _uncouple_v1_StartStudyRequest__Output, _uncouple_v1_Study__Output>
  StopStudy: MethodDefinition<_uncouple_v1_StopStudyRequest, _uncouple_v1_Study, _uncouple_v1_StopStudyRequest__Output, _uncouple_v1_Study__Output>
  WatchStudy: MethodDefinition<_uncouple_v1_WatchStudyRequest, _uncouple_v1_Study, _uncouple_v1_WatchStudyRequest__Output, _uncouple_v1_Study__Output>
}
