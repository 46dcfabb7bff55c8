import type { OpenSet } from "./open-set.ts";

/** A coordinate of an output: how far an update moved it. */
export interface CoordinateShift {
  /** From 0. */
  readonly index: number;
  /** As `InterfaceShift.shift`, of this coordinate. */
  readonly shift: number;
  /** Share of rows on which the candidate's value lies outside the range of the current one. */
  readonly outside: number;
}

/**
 * How an update changes what the component's consumers read: the candidate's output against that of the snapshot in use,
 * on the held-out rows. Needs no labels, except for the adapter test.
 */
export interface InterfaceShift {
  /** Mean over rows and coordinates of |new - old|, in standard deviations of the old output. */
  readonly shift: number;
  /**
   * Shares of rows with a coordinate outside the range from the 0.1 % to the 99.9 % quantile of the old output: of the old
   * output itself, and of the new one.
   */
  readonly outside: { readonly current: number; readonly candidate: number };
  /** The coordinates that moved most, at most 16, the farthest first. */
  readonly coordinates: readonly CoordinateShift[];
  /** Whether the harm to the pipeline is a change of convention only. */
  readonly adapter?: AdapterTest;
  /** Why there was no adapter test. */
  readonly adapterSkipped?: OpenSet<AdapterSkip>;
}

/**
 * The pipeline with an affine adapter between the candidate and its consumers, which maps new outputs to old ones as well as
 * an affine map can, against the current composition.
 */
export interface AdapterTest {
  /** Pipeline loss with the adapter in place. */
  readonly loss: number;
  /** `loss` minus the current loss; negative is better. */
  readonly difference: number;
  readonly interval: readonly [low: number, high: number];
  /** The share of the harm that the adapter removes; above 1 if the pipeline gets better than it was. */
  readonly recovered: number;
  /**
   * `convention`: an adapter would do. The whole interval lies below a tenth of the harm and 1 % of the current loss, or
   *   below a thousandth of the harm or `minimum_effect` if that is more.
   * `content`: the whole interval lies above that. `undecided`: neither, or there are too few rows for such a tail.
   */
  readonly explains: OpenSet<HarmCause>;
}
export type HarmCause = "convention" | "content" | "undecided";

/**
 * Why a verdict has no adapter test.
 * `no-comparison`: it compares no pipeline losses.
 * `no-harm`: the pipeline did not get worse.
 * `not-upstream`: the objective reads nothing of the component.
 * `probabilities`: an affine map of probabilities does not give probabilities.
 * `too-wide`, `too-few-rows`: the map has too many coefficients to fit.
 * `not-finite`: with the adapter, a prediction overflows or is NaN.
 */
export const ADAPTER_SKIPS = [
  "no-comparison",
  "no-harm",
  "not-upstream",
  "probabilities",
  "too-wide",
  "too-few-rows",
  "not-finite",
] as const;
export type AdapterSkip = (typeof ADAPTER_SKIPS)[number];
