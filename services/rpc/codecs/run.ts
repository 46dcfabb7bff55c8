import type { Run, RunState, RunTrigger, UnitCount } from "../../pipeline/run.ts";
import type { Run__Output, Run as RunMessage } from "../gen/uncouple/v1/Run.ts";
import type { RunState__Output } from "../gen/uncouple/v1/RunState.ts";
import type { RunTrigger__Output } from "../gen/uncouple/v1/RunTrigger.ts";
import type { RunUnits } from "../gen/uncouple/v1/RunUnits.ts";
import { closedSet } from "./closed-set.ts";
import { optional, required, same, serials, uint32 } from "./fields.ts";
import { decodeProtocol, encodeProtocol } from "./protocol.ts";
import { reasons } from "./reasons.ts";

const states = closedSet<RunState, RunState__Output>("run state", {
  queued: "RUN_STATE_QUEUED",
  waiting: "RUN_STATE_WAITING",
  running: "RUN_STATE_RUNNING",
  publishing: "RUN_STATE_PUBLISHING",
  succeeded: "RUN_STATE_SUCCEEDED",
  failed: "RUN_STATE_FAILED",
  cancelled: "RUN_STATE_CANCELLED",
});

const triggers = closedSet<RunTrigger, RunTrigger__Output>("run trigger", {
  request: "RUN_TRIGGER_REQUEST",
  interval: "RUN_TRIGGER_INTERVAL",
  upstream: "RUN_TRIGGER_UPSTREAM",
  candidate: "RUN_TRIGGER_CANDIDATE",
});

export function encodeRun(run: Run): RunMessage {
  return {
    id: run.id,
    component: run.component,
    state: states.encode(run.state),
    trigger: triggers.encode(run.trigger),
    protocol: encodeProtocol(run.protocol),
    step: uint32(run.step, "step"),
    steps: uint32(run.steps, "steps"),
    ...optional("loss", run.loss, same),
    ...optional("learningRate", run.learningRate, same),
    ...optional("stepsPerSecond", run.stepsPerSecond, same),
    ...optional("etaSeconds", run.etaSeconds, same),
    ...(run.units !== undefined && { units: encodeUnits(run.units) }),
    upstream: serials(run.upstream, "upstream"),
    ...optional("snapshot", run.snapshot, (serial) => uint32(serial, "snapshot")),
    ...optional("waitingFor", run.waitingFor, same),
    ...optional("error", run.error, ({ code, message }) => ({ reason: reasons.encode(code), message })),
    warnings: [...run.warnings],
    queuedAt: run.queuedAt,
    ...optional("startedAt", run.startedAt, same),
    ...optional("finishedAt", run.finishedAt, same),
  };
}

function encodeUnits({ round, rounds, done, slots }: UnitCount): RunUnits {
  return {
    round: uint32(round, "units.round"),
    rounds: uint32(rounds, "units.rounds"),
    done: uint32(done, "units.done"),
    slots: uint32(slots, "units.slots"),
  };
}

/** @throws UncoupleError `data-loss` */
export function decodeRun(message: Run__Output): Run {
  const { error } = message;
  return {
    id: message.id,
    component: message.component,
    state: states.decode(message.state),
    trigger: triggers.decode(message.trigger),
    protocol: decodeProtocol(required(message.protocol, "protocol", "data-loss"), "data-loss"),
    step: message.step,
    steps: message.steps,
    loss: message.loss ?? null,
    learningRate: message.learningRate ?? null,
    stepsPerSecond: message.stepsPerSecond ?? null,
    etaSeconds: message.etaSeconds ?? null,
    ...(message.units !== null && { units: message.units }),
    upstream: message.upstream,
    snapshot: message.snapshot ?? null,
    waitingFor: message.waitingFor ?? null,
    error: error === null ? null : { code: reasons.decode(error.reason), message: error.message },
    warnings: message.warnings,
    queuedAt: message.queuedAt,
    startedAt: message.startedAt ?? null,
    finishedAt: message.finishedAt ?? null,
  };
}
