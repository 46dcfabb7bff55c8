// Original file: proto/uncouple/v1/trainer.proto

import type { Protocol as _uncouple_v1_Protocol, Protocol__Output as _uncouple_v1_Protocol__Output } from '../../uncouple/v1/Protocol.ts';

export interface StartRunRequest {
  /**
   * Instead of the team file's, for this run.
   */
  'protocol'?: (_uncouple_v1_Protocol | null);
  /**
   * The text of a team file (YAML) to use for this run instead of the trainer's own.
   */
  'teamFile'?: (string);
  '_teamFile'?: "teamFile";
}

export interface StartRunRequest__Output {
  /**
   * Instead of the team file's, for this run.
   */
  'protocol': (_uncouple_v1_Protocol__Output | null);
  /**
   * The text of a team file (YAML) to use for this run instead of the trainer's own.
   */
  'teamFile'?: (string);
  '_teamFile'?: "teamFile";
}
