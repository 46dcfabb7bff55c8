import { measuredSteps } from "../../learning/tuning/measured-steps.ts";
import { goesOn, hasStalled } from "../../learning/tuning/pruning.ts";
import type { SearchSpec } from "../../pipeline/search.ts";
import { type Measurement, type Trial, trialHasEnded } from "../../pipeline/study.ts";
import type { StudyEntry } from "./study-entry.ts";

/** How a trial ends before its last step. */
export type EarlyEnd = "stopped" | "pruned";

/** Decides whether trials of a study go on. */
export interface TrialDecisions {
  /** Where a training of this length is measured on the way. */
  stepsOf(planned: number): readonly number[];
  /**
   * Decides about a trial that was measured at a step. Waits for the trials numbered before it that will be measured there, so
   * that the decision depends on them alone and never on who was faster.
   * @returns undefined: it goes on
   */
  decide(number: number, step: number, signal: AbortSignal): Promise<EarlyEnd | undefined>;
  /** The measurement that a trial that stopped improving ends with. */
  best(trial: Trial): Measurement;
}

/** @param own steps of the team file */
export function createTrialDecisions(search: SearchSpec, own: number, entry: StudyEntry): TrialDecisions {
  const steps = measuredSteps(search, own);
  const { stopEarly, pruning } = search;
  const upTo = (trial: Trial, at: readonly number[], step: number) =>
    trial.measured.filter((one) => one.step <= step && at.includes(one.step));
  const valueAt = (trial: Trial, step: number) => trial.measured.find((one) => one.step === step)?.value;

  /** Whether it is known if and how a trial was measured at a step. */
  function isSettled(trial: Trial, step: number): boolean {
    if (trialHasEnded(trial) || valueAt(trial, step) !== undefined) return true;
    return trial.planned > 0 && !steps.pruning(trial.planned).includes(step);
  }

  return {
    stepsOf: steps.all,
    async decide(number, step, signal) {
      const { trial } = entry.trial(number);
      const looks = steps.stopping(trial.planned);
      if (stopEarly !== undefined && looks.includes(step)) {
        const values = upTo(trial, looks, step).map(({ value }) => value);
        if (hasStalled(values, stopEarly.patience)) return "stopped";
      }
      // A sampler outside decides about its own trials.
      if (trial.external || !steps.pruning(trial.planned).includes(step)) return undefined;
      for (;;) {
        signal.throwIfAborted();
        const seen = entry.changed.count;
        const before = entry
          .trials()
          .slice(0, number - 1)
          .map((stored) => stored.trial)
          .filter(({ external }) => !external);
        if (before.every((other) => isSettled(other, step))) {
          const values = before.map((other) => valueAt(other, step)).filter((value) => value !== undefined);
          const value = valueAt(trial, step) as number;
          return goesOn(pruning, value, values) ? undefined : "pruned";
        }
        await entry.changed.waitBeyond(seen, signal);
      }
    },
    best(trial) {
      const measured = upTo(trial, steps.stopping(trial.planned), trial.planned);
      return measured.reduce((best, one) => (one.value < best.value ? one : best));
    },
  };
}
