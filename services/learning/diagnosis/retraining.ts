import type { Estimate } from "./resample.ts";

/**
 * What becomes of an update that degrades the pipeline with the downstream as it is:
 * `coupled`: retraining the downstream on the update repairs it. The downstream in use has learned to correct mistakes
 *   that the update no longer makes.
 * `self-defeating-after-retraining`: the loss rises with the downstream retrained, too (Wu et al. 2021).
 * `undecided`: the intervals say neither.
 * `not-degraded`: it is not certain that the update degrades the pipeline, so there is nothing to repair.
 */
export type RetrainingOutcome = "coupled" | "self-defeating-after-retraining" | "undecided" | "not-degraded";

/** The pipeline with the update, compared with the downstream in use on the old snapshot, on the same held-out rows. */
export interface Retraining {
  /** Loss of the downstream in use on the old snapshot. */
  readonly current: number;
  /** Change of that loss with the update, the downstream as it is. */
  readonly asItIs: Estimate;
  /** Change of that loss with the update, the downstream retrained on it: its mean over seeds. */
  readonly retrained: Estimate;
  readonly outcome: RetrainingOutcome;
}

interface RetrainingEvidence extends Omit<Retraining, "outcome"> {
  /** With the downstream retrained on either snapshot. */
  readonly change: Estimate;
  /** The smallest change that matters, as a fraction of the loss. */
  readonly minimumEffect: number;
}

/**
 * Says whether retraining repairs an update. Both answers look at two changes: from the downstream in use to the retrained
 * one, and between the downstreams retrained on either snapshot. The second alone would call an update harmless that costs
 * more than today; the first alone would blame it for a retraining that never reaches what the team has in use.
 */
export function retrainingOutcome({ change, minimumEffect, ...measured }: RetrainingEvidence): Retraining {
  const { current, asItIs, retrained } = measured;
  const rises = ({ interval: [low] }: Estimate) => low > 0;
  const isRepaired = retrained.interval[1] <= minimumEffect * Math.abs(current);
  const outcome = (): RetrainingOutcome => {
    if (!rises(asItIs)) return "not-degraded";
    if (rises(retrained) && rises(change)) return "self-defeating-after-retraining";
    return isRepaired && !rises(change) ? "coupled" : "undecided";
  };
  return { ...measured, outcome: outcome() };
}
