import type { ErrorCode } from "../../common/errors.ts";
import type { JoinRefusal__Output } from "../gen/uncouple/v1/JoinRefusal.ts";
import type { JoinRequest, JoinRequest__Output } from "../gen/uncouple/v1/JoinRequest.ts";
import type { JoinResponse, JoinResponse__Output } from "../gen/uncouple/v1/JoinResponse.ts";
import type { JoinedWorker, JoiningWorker, JoinRefusal, RefusedWorker } from "../services/coordinator-service.ts";
import { closedSet } from "./closed-set.ts";
import { decodeUint64, encodeUint64, label, positive, uint32 } from "./fields.ts";

const BAD_REQUEST: ErrorCode = "invalid-argument";
const BAD_RESPONSE: ErrorCode = "data-loss";

export function encodeJoin(worker: JoiningWorker): JoinRequest {
  return {
    ...(worker.component === undefined ? {} : { component: worker.component }),
    ...(worker.pipeline === undefined ? {} : { pipeline: worker.pipeline }),
    name: worker.name,
    host: worker.host,
    pid: uint32(worker.pid, "pid"),
    codeVersion: worker.codeVersion,
    engines: worker.engines.map(({ engine, numerics }) => ({ engine, numerics })),
    parallel: uint32(worker.parallel, "parallel"),
  };
}

/** @throws UncoupleError `invalid-argument` */
export function decodeJoin(message: JoinRequest__Output): JoiningWorker {
  positive(message.engines.length, "number of engines", BAD_REQUEST);
  return {
    ...(message.component === undefined ? {} : { component: label(message.component, "component", BAD_REQUEST) }),
    ...(message.pipeline === undefined ? {} : { pipeline: label(message.pipeline, "pipeline", BAD_REQUEST) }),
    name: label(message.name, "name", BAD_REQUEST),
    host: label(message.host, "host", BAD_REQUEST),
    pid: message.pid,
    codeVersion: label(message.codeVersion, "code_version", BAD_REQUEST),
    engines: message.engines.map(({ engine, numerics }) => ({
      engine: label(engine, "engine", BAD_REQUEST),
      numerics: label(numerics, "numerics", BAD_REQUEST),
    })),
    parallel: positive(message.parallel, "parallel", BAD_REQUEST),
  };
}

const refusals = closedSet<JoinRefusal, JoinRefusal__Output>("refusal", {
  pipeline: "JOIN_REFUSAL_PIPELINE",
  component: "JOIN_REFUSAL_COMPONENT",
  version: "JOIN_REFUSAL_VERSION",
  quarantined: "JOIN_REFUSAL_QUARANTINED",
  "no-workers": "JOIN_REFUSAL_NO_WORKERS",
});

export function encodeJoined(answer: JoinedWorker | RefusedWorker): JoinResponse {
  if ("refusal" in answer) return { refusal: refusals.encode(answer.refusal), reason: answer.reason };
  return {
    worker: answer.worker,
    incarnation: encodeUint64(answer.incarnation, "incarnation"),
    pipeline: answer.pipeline,
    component: answer.component,
    beatMs: uint32(answer.beatMs, "beatMs"),
    silenceMs: uint32(answer.silenceMs, "silenceMs"),
  };
}

/** @throws UncoupleError `data-loss` */
export function decodeJoined(message: JoinResponse__Output): JoinedWorker | RefusedWorker {
  if (message.refusal !== "JOIN_REFUSAL_UNSPECIFIED") {
    return { refusal: refusals.decode(message.refusal), reason: message.reason };
  }
  return {
    worker: label(message.worker, "worker", BAD_RESPONSE),
    incarnation: decodeUint64("incarnation", message.incarnation, "data-loss"),
    pipeline: label(message.pipeline, "pipeline", BAD_RESPONSE),
    component: label(message.component, "component", BAD_RESPONSE),
    beatMs: positive(message.beatMs, "beat_ms", BAD_RESPONSE),
    silenceMs: positive(message.silenceMs, "silence_ms", BAD_RESPONSE),
  };
}
