import type { SearchParameters } from "../../pipeline/search.ts";
import type { Study, StudyState, Trial, TrialState } from "../../pipeline/study.ts";
import type { Study__Output, Study as StudyMessage } from "../gen/uncouple/v1/Study.ts";
import type { StudyState__Output } from "../gen/uncouple/v1/StudyState.ts";
import type { Trial__Output, Trial as TrialMessage } from "../gen/uncouple/v1/Trial.ts";
import type { TrialState__Output } from "../gen/uncouple/v1/TrialState.ts";
import { closedSet } from "./closed-set.ts";
import { optional, same, serials, uint32 } from "./fields.ts";
import { reasons } from "./reasons.ts";
import { decodeStruct, encodeStruct } from "./struct.ts";

const studyStates = closedSet<StudyState, StudyState__Output>("study state", {
  waiting: "STUDY_STATE_WAITING",
  running: "STUDY_STATE_RUNNING",
  complete: "STUDY_STATE_COMPLETE",
  stopped: "STUDY_STATE_STOPPED",
  failed: "STUDY_STATE_FAILED",
});

const trialStates = closedSet<TrialState, TrialState__Output>("trial state", {
  waiting: "TRIAL_STATE_WAITING",
  running: "TRIAL_STATE_RUNNING",
  complete: "TRIAL_STATE_COMPLETE",
  stopped: "TRIAL_STATE_STOPPED",
  pruned: "TRIAL_STATE_PRUNED",
  failed: "TRIAL_STATE_FAILED",
});

export function encodeStudy(study: Study): StudyMessage {
  return {
    id: study.id,
    component: study.component,
    state: studyStates.encode(study.state),
    wanted: uint32(study.wanted, "wanted"),
    parallel: uint32(study.parallel, "parallel"),
    trials: study.trials.map(encodeTrial),
    upstream: serials(study.upstream, "upstream"),
    ...(study.rows !== null && { fitRows: study.rows.fit, validationRows: study.rows.validation }),
    ...optional("waitingFor", study.waitingFor, same),
    ...optional("error", study.error, ({ code, message }) => ({ reason: reasons.encode(code), message })),
    teamFile: study.teamFile,
    startedAt: study.startedAt,
    ...optional("finishedAt", study.finishedAt, same),
  };
}

/** @throws UncoupleError `data-loss` */
export function decodeStudy(message: Study__Output): Study {
  const { error, fitRows, validationRows } = message;
  return {
    id: message.id,
    component: message.component,
    state: studyStates.decode(message.state),
    wanted: message.wanted,
    parallel: message.parallel,
    trials: message.trials.map(decodeTrial),
    upstream: message.upstream,
    rows: fitRows === undefined || validationRows === undefined ? null : { fit: fitRows, validation: validationRows },
    waitingFor: message.waitingFor ?? null,
    error: error === null ? null : { code: reasons.decode(error.reason), message: error.message },
    teamFile: message.teamFile,
    startedAt: message.startedAt,
    finishedAt: message.finishedAt ?? null,
  };
}

export function encodeTrial(trial: Trial): TrialMessage {
  return {
    trial: uint32(trial.trial, "trial"),
    state: trialStates.encode(trial.state),
    parameters: encodeStruct(trial.parameters),
    ...optional("value", trial.value, same),
    steps: uint32(trial.steps, "steps"),
    planned: uint32(trial.planned, "planned"),
    seconds: trial.seconds,
    measured: trial.measured.map(({ step, value }) => ({ step: uint32(step, "step"), value })),
    ...optional("error", trial.error, ({ code, message }) => ({ reason: reasons.encode(code), message })),
    external: trial.external,
  };
}

/** @throws UncoupleError `data-loss` */
export function decodeTrial(message: Trial__Output): Trial {
  const { error, parameters } = message;
  return {
    trial: message.trial,
    state: trialStates.decode(message.state),
    parameters: parameters === null ? {} : (decodeStruct(parameters) as SearchParameters),
    value: message.value ?? null,
    steps: message.steps,
    planned: message.planned,
    seconds: message.seconds,
    measured: message.measured,
    error: error === null ? null : { code: reasons.decode(error.reason), message: error.message },
    external: message.external,
  };
}
