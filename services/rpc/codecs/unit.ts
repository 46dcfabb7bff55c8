import { type ErrorCode, UncoupleError } from "../../common/errors.ts";
import type { UnitFate__Output } from "../gen/uncouple/v1/UnitFate.ts";
import type { UnitJob, UnitJob__Output } from "../gen/uncouple/v1/UnitJob.ts";
import type { UnitLease__Output, UnitLease as UnitLeaseMessage } from "../gen/uncouple/v1/UnitLease.ts";
import type { UnitResult, UnitResult__Output } from "../gen/uncouple/v1/UnitResult.ts";
import type { LeasedJob, SubmittedUnit, UnitFate, UnitLease } from "../services/coordinator-service.ts";
import { closedSet } from "./closed-set.ts";
import { decodeUint64, digest, encodeUint64, label, positive, uint32 } from "./fields.ts";
import { decodeFloats, encodeFloats } from "./floats.ts";
import { reasons } from "./reasons.ts";

const decays = closedSet<LeasedJob["schedule"]["decay"], string>("decay", { constant: "constant", cosine: "cosine" });

function encodeJob(job: LeasedJob): UnitJob {
  return {
    program: job.program,
    columns: { ...job.columns },
    rows: uint32(job.rows, "rows"),
    steps: uint32(job.steps, "steps"),
    warmup: uint32(job.schedule.warmup, "warmup"),
    decay: decays.encode(job.schedule.decay),
    learningRate: job.learningRate,
    seed: encodeUint64(job.seed, "seed"),
  };
}

function decodeJob(message: UnitJob__Output, code: "data-loss"): LeasedJob {
  if (!(Number.isFinite(message.learningRate) && message.learningRate > 0)) {
    throw new UncoupleError(code, `learning_rate must be above 0, not ${message.learningRate}`);
  }
  const columns = Object.entries(message.columns).map(
    ([name, text]) => [name, digest(text, `column ${name}`, code)] as const,
  );
  return {
    program: digest(message.program, "program", code),
    columns: Object.fromEntries(columns),
    rows: positive(message.rows, "rows", code),
    steps: positive(message.steps, "steps", code),
    schedule: { warmup: message.warmup, decay: decays.decode(message.decay) },
    learningRate: message.learningRate,
    seed: decodeUint64("seed", message.seed, code),
  };
}

export function encodeLease(lease: UnitLease): UnitLeaseMessage {
  const { job, base, engine } = lease;
  return { lease: lease.lease, job, work: encodeJob(lease.work), ...encodeSteps(lease), base, engine };
}

/** @throws UncoupleError `data-loss` */
export function decodeLease(message: UnitLease__Output): UnitLease {
  if (message.work === null) throw new UncoupleError("data-loss", "the lease has no work");
  const work = decodeJob(message.work, "data-loss");
  const steps = decodeSteps(message, "data-loss");
  if (steps.first + steps.count > work.steps) {
    const message = `the unit has ${steps.count} steps from step ${steps.first} on, but the job has ${work.steps}`;
    throw new UncoupleError("data-loss", message);
  }
  return {
    lease: label(message.lease, "lease", "data-loss"),
    job: digest(message.job, "job", "data-loss"),
    work,
    ...steps,
    base: digest(message.base, "base", "data-loss"),
    engine: label(message.engine, "engine", "data-loss"),
  };
}

type Steps = Pick<UnitLease, "slot" | "first" | "count">;

function encodeSteps({ slot, first, count }: Steps): Steps {
  return { slot: uint32(slot, "slot"), first: uint32(first, "first"), count: uint32(count, "count") };
}

function decodeSteps({ slot, first, count }: Steps, code: ErrorCode): Steps {
  return { slot, first, count: positive(count, "count", code) };
}

export function encodeResult(unit: SubmittedUnit): UnitResult {
  const { worker, lease, job, base, seconds, outcome } = unit;
  const head = { worker, lease, job, ...encodeSteps(unit), base, seconds };
  if ("error" in outcome) {
    return { ...head, error: { reason: reasons.encode(outcome.error.code), message: outcome.error.message } };
  }
  return {
    ...head,
    digest: outcome.digest,
    size: encodeUint64(outcome.size, "size"),
    losses: encodeFloats(outcome.losses),
  };
}

/** @throws UncoupleError `invalid-argument` */
export function decodeResult(message: UnitResult__Output): SubmittedUnit {
  const code = "invalid-argument";
  if (!(Number.isFinite(message.seconds) && message.seconds >= 0)) {
    throw new UncoupleError(code, `seconds must be at least 0, not ${message.seconds}`);
  }
  const steps = decodeSteps(message, code);
  const { error } = message;
  return {
    worker: label(message.worker, "worker", code),
    lease: label(message.lease, "lease", code),
    job: digest(message.job, "job", code),
    ...steps,
    base: digest(message.base, "base", code),
    seconds: message.seconds,
    outcome:
      error === null
        ? {
            digest: digest(message.digest, "digest", code),
            size: decodeUint64("size", message.size, code),
            losses: decodeFloats(message.losses, steps.count, "losses", code),
          }
        : { error: { code: reasons.decode(error.reason), message: error.message } },
  };
}

export const fates = closedSet<UnitFate, UnitFate__Output>("fate", {
  applied: "UNIT_FATE_APPLIED",
  duplicate: "UNIT_FATE_DUPLICATE",
  stale: "UNIT_FATE_STALE",
  refused: "UNIT_FATE_REFUSED",
});
