import type { ListWorkersResponse, ListWorkersResponse__Output } from "../gen/uncouple/v1/ListWorkersResponse.ts";
import type { Worker, Worker__Output } from "../gen/uncouple/v1/Worker.ts";
import type { WorkerBeat__Output, WorkerBeat as WorkerBeatMessage } from "../gen/uncouple/v1/WorkerBeat.ts";
import type { WorkerBeat, WorkerStatus } from "../services/coordinator-service.ts";
import { decodeUint64, encodeUint64, label, optional, same, uint32 } from "./fields.ts";

export function encodeBeat({ worker, units }: WorkerBeat): WorkerBeatMessage {
  return { worker, units: units.map(({ lease, work }) => ({ lease, work: encodeUint64(work, "work") })) };
}

/** @throws UncoupleError `invalid-argument` */
export function decodeBeat(message: WorkerBeat__Output): WorkerBeat {
  return {
    worker: label(message.worker, "worker", "invalid-argument"),
    units: message.units.map(({ lease, work }) => ({
      lease: label(lease, "lease", "invalid-argument"),
      work: decodeUint64("work", work, "invalid-argument"),
    })),
  };
}

interface PresentWorkers {
  readonly workers: readonly WorkerStatus[];
  /** Units that wait for a worker. */
  readonly waiting: number;
}

export function encodeWorkers({ workers, waiting }: PresentWorkers): ListWorkersResponse {
  return { workers: workers.map(encodeWorker), waiting: uint32(waiting, "waiting") };
}

/** @throws UncoupleError `data-loss` */
export function decodeWorkers(message: ListWorkersResponse__Output): PresentWorkers {
  return { workers: message.workers.map(decodeWorker), waiting: message.waiting };
}

function encodeWorker(status: WorkerStatus): Worker {
  return {
    worker: status.worker,
    name: status.name,
    host: status.host,
    pid: uint32(status.pid, "pid"),
    engine: status.engine,
    numerics: status.numerics,
    unitsDone: uint32(status.unitsDone, "unitsDone"),
    unitsRunning: uint32(status.unitsRunning, "unitsRunning"),
    ...optional("stepsPerSecond", status.stepsPerSecond, same),
    ...optional("lagSeconds", status.lagSeconds, same),
    beatSeconds: status.beatSeconds,
    quarantined: status.quarantined,
  };
}

function decodeWorker(message: Worker__Output): WorkerStatus {
  return {
    worker: label(message.worker, "worker", "data-loss"),
    name: message.name,
    host: message.host,
    pid: message.pid,
    engine: message.engine,
    numerics: message.numerics,
    unitsDone: message.unitsDone,
    unitsRunning: message.unitsRunning,
    stepsPerSecond: message.stepsPerSecond ?? null,
    lagSeconds: message.lagSeconds ?? null,
    beatSeconds: message.beatSeconds,
    quarantined: message.quarantined,
  };
}
