// Original file: proto/uncouple/v1/trainer.proto

import type { Run as _uncouple_v1_Run, Run__Output as _uncouple_v1_Run__Output } from '../../uncouple/v1/Run.ts';
import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../google/protobuf/Struct.ts';

export interface RunReport {
  'run'?: (_uncouple_v1_Run | null);
  /**
   * `settings`, and `curve` and `fit` if they are known, as docs/reports.md describes them.
   */
  'report'?: (_google_protobuf_Struct | null);
}

export interface RunReport__Output {
  'run': (_uncouple_v1_Run__Output | null);
  /**
   * `settings`, and `curve` and `fit` if they are known, as docs/reports.md describes them.
   */
  'report': (_google_protobuf_Struct__Output | null);
}
