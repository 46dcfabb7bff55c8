import { snapshotName } from "../../pipeline/manifest.ts";
import type { SearchSpec } from "../../pipeline/search.ts";
import {
  bestTrial,
  type Study,
  type StudyState,
  type Trial,
  type TrialState,
  trialHasEnded,
} from "../../pipeline/study.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { Metric, RunStatus, Tags } from "../../tracking/mlflow-client.ts";
import { parametersIn, parametersOf } from "./run-fields.ts";

/** The run at the server of a trial, as `TrackedRun.id`; that of the study has the id of the study. */
export const trialRunId = (study: string, trial: number): string => `${study}/${trial}`;

/** As MLflow's own storage for Optuna has them: a pruned trial is killed. A study that is active has none. */
export const TRIAL_STATUSES: Readonly<Partial<Record<TrialState, RunStatus>>> = {
  complete: "FINISHED",
  stopped: "FINISHED",
  pruned: "KILLED",
  failed: "FAILED",
};
export const STUDY_STATUSES: Readonly<Partial<Record<StudyState, RunStatus>>> = {
  complete: "FINISHED",
  stopped: "KILLED",
  failed: "FAILED",
};

/** What the trials of a study have in common: the settings of the team file, and those of its search. */
export function studyParameters({ team, search }: { readonly team: TeamConfig; readonly search: SearchSpec }): Tags {
  const { parameters: _, ...rest } = search;
  return { ...parametersOf(team), ...parametersIn({ search: rest }) };
}

/** The keys of the team file that a trial sets, as the search spells them. */
export function trialParameters({ parameters }: Pick<Trial, "parameters">): Tags {
  return parametersIn(parameters);
}

export function trialTags({ state, error, external }: Trial): Tags {
  return {
    "uncouple.trial.state": state,
    ...(external && { "uncouple.trial.external": "true" }),
    ...(error !== null && { "uncouple.error": `${error.code}: ${error.message}` }),
  };
}

/** What was measured on the validation rows on the way, and of a trial that has ended its value and the time that it took. */
export function trialMetrics(trial: Trial, timestamp: number): readonly Metric[] {
  const { measured, steps, value, seconds } = trial;
  const ended: readonly (readonly [string, number])[] = trialHasEnded(trial)
    ? [["seconds", seconds], ...(value === null ? [] : [["value", value] as const])]
    : [];
  return [
    ...measured.map((one) => ({ key: "validation_loss", value: one.value, timestamp, step: one.step })),
    ...ended.map(([key, of]) => ({ key, value: of, timestamp, step: steps })),
  ];
}

/** What changes of a study. */
export function studyTags(study: Study): Tags {
  const { state, error, upstream, rows } = study;
  const pinned = Object.entries(upstream).map(([component, serial]) => snapshotName({ component, serial }));
  const best = bestTrial(study);
  return {
    "uncouple.study.state": state,
    "uncouple.study.trials": String(study.trials.length),
    "uncouple.upstream": pinned.join(", "),
    ...(rows !== null && {
      "uncouple.data_rows": String(rows.fit),
      "uncouple.validation_rows": String(rows.validation),
    }),
    ...(error !== null && { "uncouple.error": `${error.code}: ${error.message}` }),
    ...(best !== undefined && {
      "uncouple.best.trial": String(best.trial),
      "uncouple.best.value": String(best.value),
      "uncouple.best.parameters": JSON.stringify(best.parameters),
    }),
  };
}

/**
 * The lowest value of the trials up to each one, as far as all have ended, with the number of the trial as step: the same
 * points whichever trials end first.
 */
export function bestValues({ trials }: Pick<Study, "trials">, timestamp: number): readonly Metric[] {
  const points: Metric[] = [];
  let best = Number.POSITIVE_INFINITY;
  for (const { trial, state, value } of trials) {
    if (!trialHasEnded({ state })) break;
    if ((state === "complete" || state === "stopped") && value !== null) best = Math.min(best, value);
    if (Number.isFinite(best)) points.push({ key: "best_value", value: best, timestamp, step: trial });
  }
  return points;
}
