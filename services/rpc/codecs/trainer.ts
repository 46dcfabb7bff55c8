import type { StartRunRequest, StartRunRequest__Output } from "../gen/uncouple/v1/StartRunRequest.ts";
import type { TrainerState__Output } from "../gen/uncouple/v1/TrainerState.ts";
import type { TrainerStatus__Output, TrainerStatus as TrainerStatusMessage } from "../gen/uncouple/v1/TrainerStatus.ts";
import type { StartRun, TrainerState, TrainerStatus } from "../services/trainer-service.ts";
import { closedSet } from "./closed-set.ts";
import { optional, same, serials, uint32 } from "./fields.ts";
import { decodeProtocol, encodeProtocol } from "./protocol.ts";

export function encodeStartRun(request: StartRun): StartRunRequest {
  return {
    ...(request.protocol === undefined ? {} : { protocol: encodeProtocol(request.protocol) }),
    ...(request.teamFile === undefined ? {} : { teamFile: request.teamFile }),
    ...(request.upstream === undefined ? {} : { upstream: serials(request.upstream, "upstream") }),
    ...(request.tuning === undefined ? {} : { tuning: request.tuning }),
  };
}

/** @throws UncoupleError `invalid-argument` */
export function decodeStartRun(message: StartRunRequest__Output): StartRun {
  return {
    ...(message.protocol === null ? {} : { protocol: decodeProtocol(message.protocol, "invalid-argument") }),
    ...(message.teamFile === undefined ? {} : { teamFile: message.teamFile }),
    // The wire does not tell an empty map from none.
    ...(Object.keys(message.upstream).length === 0 ? {} : { upstream: message.upstream }),
    ...(message.tuning === null ? {} : { tuning: message.tuning }),
  };
}

const states = closedSet<TrainerState, TrainerState__Output>("trainer state", {
  starting: "TRAINER_STATE_STARTING",
  idle: "TRAINER_STATE_IDLE",
  training: "TRAINER_STATE_TRAINING",
  stopping: "TRAINER_STATE_STOPPING",
});

export function encodeTrainerStatus(status: TrainerStatus): TrainerStatusMessage {
  return {
    pipeline: status.pipeline,
    component: status.component,
    engine: status.engine,
    state: states.encode(status.state),
    ...optional("run", status.run, same),
    queued: uint32(status.queued, "queued"),
    queueCapacity: uint32(status.queueCapacity, "queueCapacity"),
    ...optional("newest", status.newest, (serial) => uint32(serial, "newest")),
    ...optional("pipelineDigest", status.pipelineDigest, same),
    ...optional("appliedDigest", status.appliedDigest, same),
    ...optional("version", status.version, same),
    ...optional("problem", status.problem, same),
  };
}

/** @throws UncoupleError `data-loss` */
export function decodeTrainerStatus(message: TrainerStatus__Output): TrainerStatus {
  return {
    pipeline: message.pipeline,
    component: message.component,
    engine: message.engine,
    state: states.decode(message.state),
    run: message.run ?? null,
    queued: message.queued,
    queueCapacity: message.queueCapacity,
    newest: message.newest ?? null,
    pipelineDigest: message.pipelineDigest ?? null,
    appliedDigest: message.appliedDigest ?? null,
    version: message.version ?? null,
    problem: message.problem ?? null,
  };
}
