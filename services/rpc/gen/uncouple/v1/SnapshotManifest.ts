// Original file: proto/uncouple/v1/snapshot.proto

import type { ModelContract as _uncouple_v1_ModelContract, ModelContract__Output as _uncouple_v1_ModelContract__Output } from '../../uncouple/v1/ModelContract.ts';
import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../google/protobuf/Struct.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * The record of a published snapshot, as stored in the registry. Everything but the provenance is its envelope.
 */
export interface SnapshotManifest {
  'pipeline'?: (string);
  'component'?: (string);
  /**
   * The place in the order of the component's announcements: 1, 2, 3, ...
   */
  'serial'?: (number);
  /**
   * The newest snapshot of the component that its publisher could read.
   */
  'parent'?: (number);
  /**
   * The run that produced it.
   */
  'runId'?: (string);
  /**
   * ISO 8601, informational.
   */
  'publishedAt'?: (string);
  /**
   * SHA-256 of the ONNX model, lowercase hex.
   */
  'digest'?: (string);
  /**
   * Size of the ONNX model in bytes.
   */
  'size'?: (number | string | Long);
  'contract'?: (_uncouple_v1_ModelContract | null);
  /**
   * SHA-256 of the publisher's pipeline file, lowercase hex.
   */
  'pipelineDigest'?: (string);
  /**
   * How the snapshot came about: an open document, as its publisher wrote it. A field keeps its name and its shape; newer
   * publishers add fields. Known are model, opset, protocol, optimizer, schedule, batch, steps, seed, upstream,
   * counterfactual, data, trainingLoss, engine, numerics, workers, groups, producer, codeVersion, startedAt, finishedAt.
   */
  'provenance'?: (_google_protobuf_Struct | null);
  '_parent'?: "parent";
  '_pipelineDigest'?: "pipelineDigest";
}

/**
 * The record of a published snapshot, as stored in the registry. Everything but the provenance is its envelope.
 */
export interface SnapshotManifest__Output {
  'pipeline': (string);
  'component': (string);
  /**
   * The place in the order of the component's announcements: 1, 2, 3, ...
   */
  'serial': (number);
  /**
   * The newest snapshot of the component that its publisher could read.
   */
  'parent'?: (number);
  /**
   * The run that produced it.
   */
  'runId': (string);
  /**
   * ISO 8601, informational.
   */
  'publishedAt': (string);
  /**
   * SHA-256 of the ONNX model, lowercase hex.
   */
  'digest': (string);
  /**
   * Size of the ONNX model in bytes.
   */
  'size': (string);
  'contract': (_uncouple_v1_ModelContract__Output | null);
  /**
   * SHA-256 of the publisher's pipeline file, lowercase hex.
   */
  'pipelineDigest'?: (string);
  /**
   * How the snapshot came about: an open document, as its publisher wrote it. A field keeps its name and its shape; newer
   * publishers add fields. Known are model, opset, protocol, optimizer, schedule, batch, steps, seed, upstream,
   * counterfactual, data, trainingLoss, engine, numerics, workers, groups, producer, codeVersion, startedAt, finishedAt.
   */
  'provenance': (_google_protobuf_Struct__Output | null);
  '_parent'?: "parent";
  '_pipelineDigest'?: "pipelineDigest";
}
