import { bestTrial, isActive, type TrialState } from "../../pipeline/study.ts";
import type { Metrics } from "../../runtime/metrics.ts";
import type { StudyKeeper } from "./study-keeper.ts";

const ENDS = ["complete", "stopped", "pruned", "failed"] as const satisfies readonly TrialState[];

/** Metrics of a component's studies. */
export interface StudyMetrics {
  /** Counts a trial that has ended. */
  ended(state: TrialState): void;
}

export function createStudyMetrics(metrics: Metrics, studies: Pick<StudyKeeper, "list">): StudyMetrics {
  const trials = metrics.counter({
    name: "uncouple_trials_total",
    help: "Trials of studies that have ended, by final state.",
    labels: ["state"],
  });
  // Prometheus misses the first increment of a series that did not exist before.
  for (const state of ENDS) trials.inc({ state }, 0);
  metrics.gauge({
    name: "uncouple_studies_active",
    help: "Studies that are waiting or running.",
    collect: (gauge) => gauge.set(studies.list().filter(isActive).length),
  });
  metrics.gauge({
    name: "uncouple_study_best_value",
    help: "Lowest loss on the validation rows among the trials of the newest study; absent without one.",
    collect(gauge) {
      const [newest] = studies.list();
      const best = newest === undefined ? undefined : bestTrial(newest);
      if (best === undefined) gauge.remove();
      else gauge.set(best.value);
    },
  });
  return { ended: (state) => trials.inc({ state }) };
}
