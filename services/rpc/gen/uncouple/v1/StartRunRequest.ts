// Original file: proto/uncouple/v1/trainer.proto

import type { Protocol as _uncouple_v1_Protocol, Protocol__Output as _uncouple_v1_Protocol__Output } from '../../uncouple/v1/Protocol.ts';
import type { TrialId as _uncouple_v1_TrialId, TrialId__Output as _uncouple_v1_TrialId__Output } from '../../uncouple/v1/TrialId.ts';

export interface StartRunRequest {
  /**
   * Overrides the team file's protocol for this run.
   */
  'protocol'?: (_uncouple_v1_Protocol | null);
  /**
   * Text of a team file (YAML), at most 256 KiB, that replaces the trainer's own for this run.
   */
  'teamFile'?: (string);
  /**
   * Upstream component to serial: snapshots to train on that need not be released, for ancestors of the component. The others
   * are those in use.
   */
  'upstream'?: ({[key: string]: number});
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  /**
   * Trains with the parameters of a trial of a study, in place of those of the team file.
   */
  'tuning'?: (_uncouple_v1_TrialId | null);
  '_teamFile'?: "teamFile";
  '_component'?: "component";
}

export interface StartRunRequest__Output {
  /**
   * Overrides the team file's protocol for this run.
   */
  'protocol': (_uncouple_v1_Protocol__Output | null);
  /**
   * Text of a team file (YAML), at most 256 KiB, that replaces the trainer's own for this run.
   */
  'teamFile'?: (string);
  /**
   * Upstream component to serial: snapshots to train on that need not be released, for ancestors of the component. The others
   * are those in use.
   */
  'upstream': ({[key: string]: number});
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  /**
   * Trains with the parameters of a trial of a study, in place of those of the team file.
   */
  'tuning': (_uncouple_v1_TrialId__Output | null);
  '_teamFile'?: "teamFile";
  '_component'?: "component";
}
