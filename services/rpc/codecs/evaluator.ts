import { UncoupleError } from "../../common/errors.ts";
import { parseVerdict } from "../../pipeline/documents/verdict-schema.ts";
import type { Logged, PipelineMatrix, Quarantine, QuarantineReason, Verdict } from "../../pipeline/verdict.ts";
import type { EvaluatorState__Output } from "../gen/uncouple/v1/EvaluatorState.ts";
import type { EvaluatorStatus__Output, EvaluatorStatus as StatusMessage } from "../gen/uncouple/v1/EvaluatorStatus.ts";
import type { LoggedVerdict__Output, LoggedVerdict as VerdictMessage } from "../gen/uncouple/v1/LoggedVerdict.ts";
import type { Matrix, Matrix__Output } from "../gen/uncouple/v1/Matrix.ts";
import type { Quarantine__Output, Quarantine as QuarantineMessage } from "../gen/uncouple/v1/Quarantine.ts";
import type { QuarantineReason__Output } from "../gen/uncouple/v1/QuarantineReason.ts";
import type { EvaluatorState, EvaluatorStatus } from "../services/evaluator-service.ts";
import { closedSet } from "./closed-set.ts";
import { parseJson } from "./documents.ts";
import { optional, same, serials, uint32 } from "./fields.ts";

export function encodeVerdict({ position, value }: Logged<Verdict>): VerdictMessage {
  return { position: String(position), verdict: JSON.stringify(value) };
}

/** @throws UncoupleError `data-loss` */
export function decodeVerdict(message: LoggedVerdict__Output): Logged<Verdict> {
  return {
    position: decodePosition(message.position, "data-loss"),
    value: parseVerdict(parseJson(message.verdict, "verdict")),
  };
}

/**
 * Decodes a uint64, which protobufjs returns as a string to keep all digits.
 * @throws UncoupleError with the given code above 2^53 - 1
 */
export function decodePosition(position: string, code: "invalid-argument" | "data-loss"): number {
  const value = Number(position);
  if (!Number.isSafeInteger(value)) throw new UncoupleError(code, `position ${position} is out of range`);
  return value;
}

const reasons = closedSet<QuarantineReason, QuarantineReason__Output>("quarantine reason", {
  "malformed-model": "QUARANTINE_REASON_MALFORMED_MODEL",
  oversized: "QUARANTINE_REASON_OVERSIZED",
  "digest-mismatch": "QUARANTINE_REASON_DIGEST_MISMATCH",
  "wrong-inputs": "QUARANTINE_REASON_WRONG_INPUTS",
  "wrong-output": "QUARANTINE_REASON_WRONG_OUTPUT",
  "not-finite": "QUARANTINE_REASON_NOT_FINITE",
  "not-probabilities": "QUARANTINE_REASON_NOT_PROBABILITIES",
  "evaluation-failed": "QUARANTINE_REASON_EVALUATION_FAILED",
});

export function encodeQuarantine(quarantine: Quarantine): QuarantineMessage {
  return {
    pipeline: quarantine.pipeline,
    component: quarantine.component,
    serial: uint32(quarantine.serial, "serial"),
    reason: reasons.encode(quarantine.reason as QuarantineReason),
    detail: quarantine.detail,
    evaluator: quarantine.evaluator,
    judgedAt: quarantine.judgedAt,
  };
}

/** @throws UncoupleError `data-loss` */
export function decodeQuarantine(message: Quarantine__Output): Quarantine {
  return {
    version: 1,
    pipeline: message.pipeline,
    component: message.component,
    serial: message.serial,
    reason: reasons.decode(message.reason),
    detail: message.detail,
    evaluator: message.evaluator,
    judgedAt: message.judgedAt,
  };
}

export function encodeMatrix(matrix: PipelineMatrix): Matrix {
  return {
    upstream: matrix.upstream,
    downstream: matrix.downstream,
    upstreamSerials: matrix.upstreamSerials.map((serial) => uint32(serial, "upstreamSerials")),
    downstreamSerials: matrix.downstreamSerials.map((serial) => uint32(serial, "downstreamSerials")),
    cells: matrix.cells.map(({ upstreamSerial, downstreamSerial, loss }) => ({
      upstreamSerial: uint32(upstreamSerial, "upstreamSerial"),
      downstreamSerial: uint32(downstreamSerial, "downstreamSerial"),
      loss,
    })),
  };
}

export function decodeMatrix(message: Matrix__Output): PipelineMatrix {
  return {
    upstream: message.upstream,
    downstream: message.downstream,
    upstreamSerials: message.upstreamSerials,
    downstreamSerials: message.downstreamSerials,
    cells: message.cells,
  };
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
  };
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
  };
}
