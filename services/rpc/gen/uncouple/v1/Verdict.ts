// Original file: proto/uncouple/v1/verdict.proto

import type { Losses as _uncouple_v1_Losses, Losses__Output as _uncouple_v1_Losses__Output } from '../../uncouple/v1/Losses.ts';
import type { Interval as _uncouple_v1_Interval, Interval__Output as _uncouple_v1_Interval__Output } from '../../uncouple/v1/Interval.ts';
import type { Comparison as _uncouple_v1_Comparison, Comparison__Output as _uncouple_v1_Comparison__Output } from '../../uncouple/v1/Comparison.ts';
import type { HeldOut as _uncouple_v1_HeldOut, HeldOut__Output as _uncouple_v1_HeldOut__Output } from '../../uncouple/v1/HeldOut.ts';
import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../google/protobuf/Struct.ts';

/**
 * The measured effect of an announced snapshot on the whole pipeline. Names of kinds, reasons and methods are strings,
 * because newer evaluators add to them. `other` has the fields, of a message and of no other, that its sender does not
 * know and has kept from the stored verdict.
 */
export interface Verdict {
  'pipeline'?: (string);
  'component'?: (string);
  'serial'?: (number);
  /**
   * `improved`, `degraded`, `equivalent`, `inconclusive`, `self-defeating`. No other kind counts as a pass.
   */
  'kind'?: (string);
  /**
   * Why it is inconclusive. Without a comparison: `no-current-snapshot`, `incomplete-pipeline`, `not-finite`; with one:
   * `too-few-rows`.
   */
  'reason'?: (string);
  /**
   * The component's own loss.
   */
  'componentLoss'?: (_uncouple_v1_Losses | null);
  /**
   * Interval of the difference in the component's own loss, candidate minus current.
   */
  'componentInterval'?: (_uncouple_v1_Interval | null);
  /**
   * The announced snapshot with everything else current, against the current composition.
   */
  'comparison'?: (_uncouple_v1_Comparison | null);
  /**
   * The same update with every other retained snapshot of each directly downstream component.
   */
  'alternatives'?: (_uncouple_v1_Comparison)[];
  /**
   * How the intervals were computed: `bootstrap-t`, by earlier versions `paired-bootstrap`.
   */
  'method'?: (string);
  /**
   * Confidence level of the intervals, in (0, 1).
   */
  'level'?: (number | string);
  /**
   * Number of held-out rows.
   */
  'rows'?: (number);
  /**
   * Number of independent groups of those rows; unset if every row counts as independent.
   */
  'groups'?: (number);
  'heldOut'?: (_uncouple_v1_HeldOut | null);
  /**
   * The number of the newest release when it was judged. Under a gate that enforces, its composition was current.
   */
  'release'?: (number);
  /**
   * SHA-256 of the evaluator's pipeline file, lowercase hex.
   */
  'pipelineDigest'?: (string);
  /**
   * Name of the evaluator that judged.
   */
  'evaluator'?: (string);
  'seconds'?: (number | string);
  /**
   * ISO 8601.
   */
  'judgedAt'?: (string);
  /**
   * Also `interfaceShift`, `consistency`, `tests` and `origin`, as in the JSON of `uncouple verdicts`.
   */
  'other'?: (_google_protobuf_Struct | null);
  '_reason'?: "reason";
  '_groups'?: "groups";
  '_release'?: "release";
  '_pipelineDigest'?: "pipelineDigest";
}

/**
 * The measured effect of an announced snapshot on the whole pipeline. Names of kinds, reasons and methods are strings,
 * because newer evaluators add to them. `other` has the fields, of a message and of no other, that its sender does not
 * know and has kept from the stored verdict.
 */
export interface Verdict__Output {
  'pipeline': (string);
  'component': (string);
  'serial': (number);
  /**
   * `improved`, `degraded`, `equivalent`, `inconclusive`, `self-defeating`. No other kind counts as a pass.
   */
  'kind': (string);
  /**
   * Why it is inconclusive. Without a comparison: `no-current-snapshot`, `incomplete-pipeline`, `not-finite`; with one:
   * `too-few-rows`.
   */
  'reason'?: (string);
  /**
   * The component's own loss.
   */
  'componentLoss': (_uncouple_v1_Losses__Output | null);
  /**
   * Interval of the difference in the component's own loss, candidate minus current.
   */
  'componentInterval': (_uncouple_v1_Interval__Output | null);
  /**
   * The announced snapshot with everything else current, against the current composition.
   */
  'comparison': (_uncouple_v1_Comparison__Output | null);
  /**
   * The same update with every other retained snapshot of each directly downstream component.
   */
  'alternatives': (_uncouple_v1_Comparison__Output)[];
  /**
   * How the intervals were computed: `bootstrap-t`, by earlier versions `paired-bootstrap`.
   */
  'method': (string);
  /**
   * Confidence level of the intervals, in (0, 1).
   */
  'level': (number);
  /**
   * Number of held-out rows.
   */
  'rows': (number);
  /**
   * Number of independent groups of those rows; unset if every row counts as independent.
   */
  'groups'?: (number);
  'heldOut': (_uncouple_v1_HeldOut__Output | null);
  /**
   * The number of the newest release when it was judged. Under a gate that enforces, its composition was current.
   */
  'release'?: (number);
  /**
   * SHA-256 of the evaluator's pipeline file, lowercase hex.
   */
  'pipelineDigest'?: (string);
  /**
   * Name of the evaluator that judged.
   */
  'evaluator': (string);
  'seconds': (number);
  /**
   * ISO 8601.
   */
  'judgedAt': (string);
  /**
   * Also `interfaceShift`, `consistency`, `tests` and `origin`, as in the JSON of `uncouple verdicts`.
   */
  'other': (_google_protobuf_Struct__Output | null);
  '_reason'?: "reason";
  '_groups'?: "groups";
  '_release'?: "release";
  '_pipelineDigest'?: "pipelineDigest";
}
