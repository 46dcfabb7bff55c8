// Original file: proto/uncouple/v1/evaluator.proto

import type { EvaluatorState as _uncouple_v1_EvaluatorState, EvaluatorState__Output as _uncouple_v1_EvaluatorState__Output } from '../../uncouple/v1/EvaluatorState.ts';
import type { UnreadableSnapshot as _uncouple_v1_UnreadableSnapshot, UnreadableSnapshot__Output as _uncouple_v1_UnreadableSnapshot__Output } from '../../uncouple/v1/UnreadableSnapshot.ts';
import type { ConsistencyGap as _uncouple_v1_ConsistencyGap, ConsistencyGap__Output as _uncouple_v1_ConsistencyGap__Output } from '../../uncouple/v1/ConsistencyGap.ts';
import type { HeldOutStatus as _uncouple_v1_HeldOutStatus, HeldOutStatus__Output as _uncouple_v1_HeldOutStatus__Output } from '../../uncouple/v1/HeldOutStatus.ts';
import type { GateStatus as _uncouple_v1_GateStatus, GateStatus__Output as _uncouple_v1_GateStatus__Output } from '../../uncouple/v1/GateStatus.ts';

export interface EvaluatorStatus {
  'pipeline'?: (string);
  /**
   * Name of this evaluator among those that share the work.
   */
  'evaluator'?: (string);
  'state'?: (_uncouple_v1_EvaluatorState);
  /**
   * Announcements that no evaluator has finished yet.
   */
  'pending'?: (number);
  /**
   * Number of held-out rows that losses are averaged over: with a gate, of screen rows.
   */
  'rows'?: (number);
  /**
   * The snapshot in use, for each component that has one.
   */
  'current'?: ({[key: string]: number});
  /**
   * Pipeline loss of `current`.
   */
  'loss'?: (number | string);
  /**
   * Announcements that this evaluator cannot read.
   */
  'unreadable'?: (_uncouple_v1_UnreadableSnapshot)[];
  /**
   * SHA-256 of this evaluator's pipeline file.
   */
  'pipelineDigest'?: (string);
  /**
   * SHA-256 of the pipeline file in force, if one was applied. With another one than its own, the evaluator is not ready.
   */
  'appliedDigest'?: (string);
  /**
   * Version of Uncouple that this evaluator runs. Those of version 0.1.0 leave it unset.
   */
  'version'?: (string);
  /**
   * The consistency gaps of `current`, with `audit.held_out` in the pipeline file.
   */
  'gaps'?: (_uncouple_v1_ConsistencyGap)[];
  /**
   * Unset until the evaluator has found the generation of its held-out rows.
   */
  'heldOut'?: (_uncouple_v1_HeldOutStatus | null);
  /**
   * Number of the newest release, whose composition is in use; unset before the first.
   */
  'release'?: (number);
  /**
   * Unset if the pipeline file has no gate.
   */
  'gate'?: (_uncouple_v1_GateStatus | null);
  '_loss'?: "loss";
  '_pipelineDigest'?: "pipelineDigest";
  '_appliedDigest'?: "appliedDigest";
  '_version'?: "version";
  '_release'?: "release";
}

export interface EvaluatorStatus__Output {
  'pipeline': (string);
  /**
   * Name of this evaluator among those that share the work.
   */
  'evaluator': (string);
  'state': (_uncouple_v1_EvaluatorState__Output);
  /**
   * Announcements that no evaluator has finished yet.
   */
  'pending': (number);
  /**
   * Number of held-out rows that losses are averaged over: with a gate, of screen rows.
   */
  'rows': (number);
  /**
   * The snapshot in use, for each component that has one.
   */
  'current': ({[key: string]: number});
  /**
   * Pipeline loss of `current`.
   */
  'loss'?: (number);
  /**
   * Announcements that this evaluator cannot read.
   */
  'unreadable': (_uncouple_v1_UnreadableSnapshot__Output)[];
  /**
   * SHA-256 of this evaluator's pipeline file.
   */
  'pipelineDigest'?: (string);
  /**
   * SHA-256 of the pipeline file in force, if one was applied. With another one than its own, the evaluator is not ready.
   */
  'appliedDigest'?: (string);
  /**
   * Version of Uncouple that this evaluator runs. Those of version 0.1.0 leave it unset.
   */
  'version'?: (string);
  /**
   * The consistency gaps of `current`, with `audit.held_out` in the pipeline file.
   */
  'gaps': (_uncouple_v1_ConsistencyGap__Output)[];
  /**
   * Unset until the evaluator has found the generation of its held-out rows.
   */
  'heldOut': (_uncouple_v1_HeldOutStatus__Output | null);
  /**
   * Number of the newest release, whose composition is in use; unset before the first.
   */
  'release'?: (number);
  /**
   * Unset if the pipeline file has no gate.
   */
  'gate': (_uncouple_v1_GateStatus__Output | null);
  '_loss'?: "loss";
  '_pipelineDigest'?: "pipelineDigest";
  '_appliedDigest'?: "appliedDigest";
  '_version'?: "version";
  '_release'?: "release";
}
