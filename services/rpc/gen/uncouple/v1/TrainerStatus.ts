// Original file: proto/uncouple/v1/trainer.proto

import type { TrainerState as _uncouple_v1_TrainerState, TrainerState__Output as _uncouple_v1_TrainerState__Output } from '../../uncouple/v1/TrainerState.ts';

export interface TrainerStatus {
  'pipeline'?: (string);
  'component'?: (string);
  /**
   * The engine of the latest training, as in manifests. Before the first one, the configured choice, which may be "auto".
   */
  'engine'?: (string);
  'state'?: (_uncouple_v1_TrainerState);
  /**
   * The run in progress.
   */
  'run'?: (string);
  /**
   * Number of queued runs.
   */
  'queued'?: (number);
  'queueCapacity'?: (number);
  /**
   * Serial of the component's newest snapshot.
   */
  'newest'?: (number);
  /**
   * SHA-256 of this trainer's pipeline file.
   */
  'pipelineDigest'?: (string);
  /**
   * SHA-256 of the pipeline file in force, if one was applied. With another one than its own, the trainer is not ready.
   */
  'appliedDigest'?: (string);
  /**
   * Version of Uncouple that this trainer runs. Those of version 0.1.0 leave it unset.
   */
  'version'?: (string);
  /**
   * Why the component is not ready, if its start failed. It is tried again.
   */
  'problem'?: (string);
  '_run'?: "run";
  '_newest'?: "newest";
  '_pipelineDigest'?: "pipelineDigest";
  '_appliedDigest'?: "appliedDigest";
  '_version'?: "version";
  '_problem'?: "problem";
}

export interface TrainerStatus__Output {
  'pipeline': (string);
  'component': (string);
  /**
   * The engine of the latest training, as in manifests. Before the first one, the configured choice, which may be "auto".
   */
  'engine': (string);
  'state': (_uncouple_v1_TrainerState__Output);
  /**
   * The run in progress.
   */
  'run'?: (string);
  /**
   * Number of queued runs.
   */
  'queued': (number);
  'queueCapacity': (number);
  /**
   * Serial of the component's newest snapshot.
   */
  'newest'?: (number);
  /**
   * SHA-256 of this trainer's pipeline file.
   */
  'pipelineDigest'?: (string);
  /**
   * SHA-256 of the pipeline file in force, if one was applied. With another one than its own, the trainer is not ready.
   */
  'appliedDigest'?: (string);
  /**
   * Version of Uncouple that this trainer runs. Those of version 0.1.0 leave it unset.
   */
  'version'?: (string);
  /**
   * Why the component is not ready, if its start failed. It is tried again.
   */
  'problem'?: (string);
  '_run'?: "run";
  '_newest'?: "newest";
  '_pipelineDigest'?: "pipelineDigest";
  '_appliedDigest'?: "appliedDigest";
  '_version'?: "version";
  '_problem'?: "problem";
}
