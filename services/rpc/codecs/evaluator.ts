import { type Logged, QUARANTINE_REASONS, type Quarantine, type QuarantineReason } from "../../pipeline/verdict.ts";
import type { EvaluatorState__Output } from "../gen/uncouple/v1/EvaluatorState.ts";
import type { EvaluatorStatus__Output, EvaluatorStatus as StatusMessage } from "../gen/uncouple/v1/EvaluatorStatus.ts";
import type { GateStatus__Output, GateStatus as GateStatusMessage } from "../gen/uncouple/v1/GateStatus.ts";
import type { HeldOutStatus__Output } from "../gen/uncouple/v1/HeldOutStatus.ts";
import type {
  ListQuarantinesRequest,
  ListQuarantinesRequest__Output,
} from "../gen/uncouple/v1/ListQuarantinesRequest.ts";
import type { ListVerdictsRequest, ListVerdictsRequest__Output } from "../gen/uncouple/v1/ListVerdictsRequest.ts";
import type { Quarantine__Output, Quarantine as QuarantineMessage } from "../gen/uncouple/v1/Quarantine.ts";
import type { QuarantineReason__Output } from "../gen/uncouple/v1/QuarantineReason.ts";
import type { EvaluatorState, EvaluatorStatus, GateStatus, HeldOutStatus } from "../services/evaluator-service.ts";
import type { Page } from "../services/pages.ts";
import { closedSet } from "./closed-set.ts";
import { decodeUint64, optional, same, serials, uint32 } from "./fields.ts";
import { decodeUnreadable, encodeUnreadable } from "./snapshot.ts";
import { decodeOther, encodeOther } from "./struct.ts";
import { decodeGap, encodeGap } from "./verdict.ts";

const reasons = closedSet<QuarantineReason, QuarantineReason__Output>("quarantine reason", {
  "malformed-model": "QUARANTINE_REASON_MALFORMED_MODEL",
  oversized: "QUARANTINE_REASON_OVERSIZED",
  "digest-mismatch": "QUARANTINE_REASON_DIGEST_MISMATCH",
  "wrong-inputs": "QUARANTINE_REASON_WRONG_INPUTS",
  "wrong-output": "QUARANTINE_REASON_WRONG_OUTPUT",
  "not-finite": "QUARANTINE_REASON_NOT_FINITE",
  "not-probabilities": "QUARANTINE_REASON_NOT_PROBABILITIES",
  "evaluation-failed": "QUARANTINE_REASON_EVALUATION_FAILED",
  "forbidden-operator": "QUARANTINE_REASON_FORBIDDEN_OPERATOR",
  "not-deterministic": "QUARANTINE_REASON_NOT_DETERMINISTIC",
  "not-row-wise": "QUARANTINE_REASON_NOT_ROW_WISE",
  "too-expensive": "QUARANTINE_REASON_TOO_EXPENSIVE",
  "trained-on-held-out": "QUARANTINE_REASON_TRAINED_ON_HELD_OUT",
  "failed-test": "QUARANTINE_REASON_FAILED_TEST",
});

export function encodePage({ from, limit }: Page): ListVerdictsRequest & ListQuarantinesRequest {
  return { from: String(from), limit: uint32(limit, "limit") };
}

/** @throws UncoupleError `invalid-argument` */
export function decodePage({ from, limit }: ListVerdictsRequest__Output | ListQuarantinesRequest__Output): Page {
  return { from: decodeUint64("position", from, "invalid-argument"), limit };
}

export function encodeQuarantine({ position, value: quarantine }: Logged<Quarantine>): QuarantineMessage {
  return {
    position: String(position),
    pipeline: quarantine.pipeline,
    component: quarantine.component,
    serial: uint32(quarantine.serial, "serial"),
    reason: isKnown(quarantine.reason) ? reasons.encode(quarantine.reason) : "QUARANTINE_REASON_UNSPECIFIED",
    reasonName: quarantine.reason,
    detail: quarantine.detail,
    evaluator: quarantine.evaluator,
    judgedAt: quarantine.judgedAt,
    ...encodeOther(quarantine, fieldsOfQuarantine),
  };
}

function isKnown(reason: Quarantine["reason"]): reason is QuarantineReason {
  return (QUARANTINE_REASONS as readonly string[]).includes(reason);
}

const fieldsOfQuarantine = Object.keys({
  version: true,
  pipeline: true,
  component: true,
  serial: true,
  reason: true,
  detail: true,
  evaluator: true,
  judgedAt: true,
} satisfies Record<keyof Quarantine, true>);

/** @throws UncoupleError `data-loss` */
export function decodeQuarantine(message: Quarantine__Output): Logged<Quarantine> {
  const value: Quarantine = {
    ...decodeOther(message),
    version: 1,
    pipeline: message.pipeline,
    component: message.component,
    serial: message.serial,
    // Evaluators of version 0.1.0 send no name.
    reason: message.reasonName === "" ? reasons.decode(message.reason) : message.reasonName,
    detail: message.detail,
    evaluator: message.evaluator,
    judgedAt: message.judgedAt,
  };
  return { position: decodeUint64("position", message.position, "data-loss"), value };
}

const states = closedSet<EvaluatorState, EvaluatorState__Output>("evaluator state", {
  starting: "EVALUATOR_STATE_STARTING",
  idle: "EVALUATOR_STATE_IDLE",
  evaluating: "EVALUATOR_STATE_EVALUATING",
  stopping: "EVALUATOR_STATE_STOPPING",
});

export function encodeEvaluatorStatus(status: EvaluatorStatus): StatusMessage {
  return {
    pipeline: status.pipeline,
    evaluator: status.evaluator,
    state: states.encode(status.state),
    pending: uint32(status.pending, "pending"),
    rows: uint32(status.rows, "rows"),
    current: serials(status.current, "current"),
    ...optional("loss", status.loss, same),
    gaps: status.gaps.map(encodeGap),
    unreadable: status.unreadable.map(encodeUnreadable),
    ...optional("pipelineDigest", status.pipelineDigest, same),
    ...optional("appliedDigest", status.appliedDigest, same),
    ...optional("version", status.version, same),
    ...optional("heldOut", status.heldOut, encodeHeldOut),
    ...optional("release", status.release, (value) => uint32(value, "release")),
    ...optional("gate", status.gate, encodeGate),
  };
}

function encodeGate({ mode, questionsLeft, held }: GateStatus): GateStatusMessage {
  return {
    mode,
    ...optional("questionsLeft", questionsLeft, (value) => uint32(value, "questions left")),
    held: held.map(({ snapshot, reasons, needs, since }) => ({
      component: snapshot.component,
      serial: uint32(snapshot.serial, "serial"),
      reasons: [...reasons],
      needs: [...needs],
      since,
    })),
  };
}

function decodeGate({ mode, questionsLeft, held }: GateStatus__Output): GateStatus {
  return {
    mode,
    questionsLeft: questionsLeft ?? null,
    held: held.map(({ component, serial, ...rest }) => ({ snapshot: { component, serial }, ...rest })),
  };
}

function encodeHeldOut({ generation, startedAt, questions, horizon }: HeldOutStatus) {
  return {
    generation: uint32(generation, "generation"),
    startedAt,
    questions: uint32(questions, "questions"),
    ...optional("horizon", horizon, (value) => uint32(value, "horizon")),
  };
}

function decodeHeldOut({ generation, startedAt, questions, horizon }: HeldOutStatus__Output): HeldOutStatus {
  return { generation, startedAt, questions, horizon: horizon ?? null };
}

/** @throws UncoupleError `data-loss` */
export function decodeEvaluatorStatus(message: EvaluatorStatus__Output): EvaluatorStatus {
  return {
    pipeline: message.pipeline,
    evaluator: message.evaluator,
    state: states.decode(message.state),
    pending: message.pending,
    rows: message.rows,
    current: message.current,
    loss: message.loss ?? null,
    gaps: message.gaps.map(decodeGap),
    unreadable: message.unreadable.map(decodeUnreadable),
    pipelineDigest: message.pipelineDigest ?? null,
    appliedDigest: message.appliedDigest ?? null,
    version: message.version ?? null,
    heldOut: message.heldOut === null ? null : decodeHeldOut(message.heldOut),
    release: message.release ?? null,
    gate: message.gate === null ? null : decodeGate(message.gate),
  };
}
