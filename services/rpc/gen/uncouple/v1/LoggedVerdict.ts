// Original file: proto/uncouple/v1/evaluator.proto

import type { Verdict as _uncouple_v1_Verdict, Verdict__Output as _uncouple_v1_Verdict__Output } from '../../uncouple/v1/Verdict.ts';
import type { Long } from '@grpc/proto-loader';

export interface LoggedVerdict {
  /**
   * Position in the verdict log. Evaluators of version 0.1.0 leave it unset in ListVerdicts.
   */
  'position'?: (number | string | Long);
  /**
   * The verdict as a JSON document of version 1: only evaluators of version 0.1.0 send it.
   * @deprecated
   */
  'verdict'?: (string);
  'value'?: (_uncouple_v1_Verdict | null);
}

export interface LoggedVerdict__Output {
  /**
   * Position in the verdict log. Evaluators of version 0.1.0 leave it unset in ListVerdicts.
   */
  'position': (string);
  /**
   * The verdict as a JSON document of version 1: only evaluators of version 0.1.0 send it.
   * @deprecated
   */
  'verdict': (string);
  'value': (_uncouple_v1_Verdict__Output | null);
}
