import type { PartShares } from "./gate.ts";
import type { Composition, MaybeLoss } from "./verdict.ts";

/** Fewer rows, or groups of rows, cannot tell two compositions apart. */
export const MIN_HELD_OUT = 30;

/**
 * The held-out rows of a pipeline from one moment on, by number. Losses of two generations are of different rows and cannot be
 * compared. Open like a verdict: fields that this version does not know are kept.
 */
export interface HeldOutGeneration {
  /** Version of the format. */
  readonly version: 1;
  readonly pipeline: string;
  /** 1, 2, 3, ... */
  readonly generation: number;
  /** SHA-256 (hex) of keys, and inputs and targets of the pipeline loss, whatever the order of the rows. */
  readonly fingerprint: string;
  /** Number of rows, of all parts together. */
  readonly rows: number;
  /**
   * How the rows are divided, for as long as the generation lasts; absent if they are not. Everything that is published is
   * measured on screen rows.
   */
  readonly split?: PartShares;
  /** With a split by time, in ISO 8601: every row is later, and no training row may be. */
  readonly heldOutAfter?: string;
  /** Makes hashes of keys, base64: the same in every generation of a pipeline. */
  readonly salt: string;
  /** What was in use when it began. */
  readonly current: Composition;
  /** Pipeline loss of `current` on these rows; null if it could not be measured. */
  readonly loss: MaybeLoss;
  readonly pipelineDigest: string;
  /** Name of the evaluator that found the rows. */
  readonly evaluator: string;
  /** ISO 8601. */
  readonly startedAt: string;
}
