// Original file: proto/uncouple/v1/evaluator.proto

import type { HeldCandidate as _uncouple_v1_HeldCandidate, HeldCandidate__Output as _uncouple_v1_HeldCandidate__Output } from '../../uncouple/v1/HeldCandidate.ts';

/**
 * What the gate of the pipeline file does now.
 */
export interface GateStatus {
  /**
   * `observe` or `enforce`.
   */
  'mode'?: (string);
  /**
   * Questions that it may still ask of the confirm rows, or of the reserve rows once a person has opened them; unset until the
   * evaluator has found the generation of its held-out rows.
   */
  'questionsLeft'?: (number);
  /**
   * In the order of announcement.
   */
  'held'?: (_uncouple_v1_HeldCandidate)[];
  '_questionsLeft'?: "questionsLeft";
}

/**
 * What the gate of the pipeline file does now.
 */
export interface GateStatus__Output {
  /**
   * `observe` or `enforce`.
   */
  'mode': (string);
  /**
   * Questions that it may still ask of the confirm rows, or of the reserve rows once a person has opened them; unset until the
   * evaluator has found the generation of its held-out rows.
   */
  'questionsLeft'?: (number);
  /**
   * In the order of announcement.
   */
  'held': (_uncouple_v1_HeldCandidate__Output)[];
  '_questionsLeft'?: "questionsLeft";
}
