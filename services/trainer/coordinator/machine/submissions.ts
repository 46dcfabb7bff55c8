import type { UnitFate } from "../../../rpc/services/coordinator-service.ts";
import { admittedEngine, cannotRun, refuse, takeProbe } from "./admission.ts";
import { contradict, hold } from "./audits.ts";
import { type Change, count, put } from "./change.ts";
import type { CoordinatorEvent, Outcome } from "./events.ts";
import { closeUnit, endLease, grantLease } from "./leases.ts";
import {
  type CoordinatorState,
  type JobState,
  type LeaseState,
  type UnitName,
  unitKey,
  type WorkerState,
} from "./state.ts";
import { abandoned } from "./workers.ts";

type Submitted = Extract<CoordinatorEvent, { readonly type: "submitted" }>;

interface Answer {
  readonly fate: UnitFate;
  readonly reason: string;
  /** A lease has this fate, or will have one when the unit is over. */
  readonly counted: boolean;
}

/** Units whose rate is remembered. */
const RATES_KEPT = 8;

/**
 * Whether the bytes of a result can still count, so that they must be read. A lease is for liveness only: a result counts
 * if it names an open unit, whoever holds the lease by now.
 */
export function canCount(state: CoordinatorState, workerId: string, leaseId: string, name: UnitName): boolean {
  const worker = state.workers.get(workerId);
  const unit = state.units.get(unitKey(name));
  const job = state.jobs.get(name.job);
  if (worker === undefined || unit === undefined || job === undefined) return false;
  if (state.quarantined.has(worker.who.name) || state.leases.get(leaseId)?.kind === "probe") return false;
  return admittedEngine(worker, job) !== undefined && !unit.results.some((held) => held.name === worker.who.name);
}

/** Takes a worker's result. */
export function submit(change: Change, event: Submitted): void {
  const { worker: id, submission } = event;
  const worker = change.state.workers.get(id);
  if (worker !== undefined) put(change, "workers", id, { ...worker, activeAt: change.at });
  const { fate, reason } = answerTo(change, event, worker);
  change.effects.push({ type: "answer", submission, fate, reason });
}

function answerTo(change: Change, event: Submitted, worker: WorkerState | undefined): Answer {
  const lease = leaseOf(change.state, event);
  if (lease?.kind === "probe") {
    const { outcome } = event;
    endLease(change, lease, "applied");
    const why = takeProbe(change, lease, outcome);
    if (outcome.kind !== "result") abandoned(change, lease, `its probe failed: ${why}`);
    return { fate: why === undefined ? "applied" : "refused", reason: why ?? "", counted: true };
  }
  const answer = receive(change, event, worker, lease);
  if (lease === undefined && !answer.counted) {
    // Without a lease, it counts as one that ends at once.
    count(change, "leased");
    count(change, answer.fate);
  } else if (lease !== undefined && !answer.counted && !change.fates.has(lease.id)) {
    endLease(change, lease, answer.fate);
  }
  return answer;
}

function answer(fate: UnitFate, reason: string): Answer {
  return { fate, reason, counted: false };
}

/** The lease under which a result comes, if it is still in work. */
function leaseOf({ leases }: CoordinatorState, { worker, lease: id, unit }: Submitted): LeaseState | undefined {
  const lease = leases.get(id);
  return lease?.worker === worker && !lease.held && lease.unit === unitKey(unit) ? lease : undefined;
}

function receive(
  change: Change,
  { unit: name, outcome, seconds }: Submitted,
  worker: WorkerState | undefined,
  lease: LeaseState | undefined,
): Answer {
  const { state } = change;
  if (worker === undefined) return answer("stale", "the worker is not known; join again");
  if (state.quarantined.has(worker.who.name)) return answer("refused", "the worker is quarantined");
  const job = state.jobs.get(name.job);
  const unit = state.units.get(unitKey(name));
  if (job === undefined) return answer("stale", "the training is over");
  if (unit === undefined) return late(change, job, name, worker, lease, outcome);
  const engine = admittedEngine(worker, job);
  if (engine === undefined) return answer("refused", "the worker is not admitted to this training");
  if (outcome.kind !== "result") {
    const why = outcome.kind === "failed" ? outcome.message : outcome.reason;
    if (lease !== undefined) abandoned(change, lease, why);
    if (outcome.kind === "failed" && cannotRun(outcome.code)) refuse(change, worker.id, job, why);
    return answer("refused", why);
  }
  const earlier = unit.results.find((held) => held.name === worker.who.name);
  if (earlier !== undefined) {
    if (earlier.digest === outcome.digest) return answer("duplicate", "this result came before");
    const { digest, finite } = earlier;
    contradict(
      change,
      name,
      { key: unit.key, digest, finite, by: worker.who.name, proven: false },
      worker.who.name,
      outcome.digest,
    );
    return answer("refused", "it contradicts the worker's own result");
  }
  const rates = seconds > 0 ? [...worker.rates.slice(1 - RATES_KEPT), name.count / seconds] : worker.rates;
  put(change, "workers", worker.id, { ...(change.state.workers.get(worker.id) as WorkerState), failures: 0, rates });
  const held = lease ?? grantLease(change, "unit", name, worker.id, worker.who.name, engine);
  hold(change, unit, held, outcome.digest, outcome.finite);
  switch (change.fates.get(held.id)) {
    case undefined:
      return { fate: "applied", reason: "it waits for a second run", counted: true };
    case "applied":
      return { fate: "applied", reason: "", counted: true };
    case "duplicate":
      return { fate: "duplicate", reason: "another executor brought this result", counted: true };
    default:
      return { fate: "refused", reason: "another result was proven right", counted: true };
  }
}

/** A result of a unit that is not open. */
function late(
  change: Change,
  job: JobState,
  name: UnitName,
  worker: WorkerState,
  lease: LeaseState | undefined,
  outcome: Outcome,
): Answer {
  const key = unitKey(name);
  const finished = job.finished.find((unit) => unit.key === key);
  if (finished === undefined || outcome.kind !== "result") return answer("stale", "the unit is over");
  if (finished.digest === outcome.digest) return answer("duplicate", "the unit has this result");
  // Where a training diverged, and on other engines, digests may differ.
  if (job.numerics === "tolerant" || !finished.finite) return answer("stale", "the unit is over");
  if (admittedEngine(worker, job) === undefined)
    return answer("refused", "the worker is not admitted to this training");
  // Before the worker is given up, with all that it has in work.
  if (lease !== undefined) endLease(change, lease, "refused");
  contradict(change, name, finished, worker.who.name, outcome.digest);
  return answer("refused", `the unit's result has the digest ${finished.digest}, not ${outcome.digest}`);
}

/** Takes what the trainer itself ran. */
export function takeLocal(change: Change, leaseId: string, outcome: Outcome): void {
  const lease = change.state.leases.get(leaseId);
  const unit = lease === undefined ? undefined : change.state.units.get(lease.unit);
  if (lease === undefined || unit === undefined) return;
  if (outcome.kind === "result") {
    hold(change, unit, lease, outcome.digest, outcome.finite);
    return;
  }
  endLease(change, lease, "returned");
  const job = change.state.jobs.get(lease.job) as JobState;
  const failed = outcome.kind === "failed" ? outcome : { code: "internal" as const, message: outcome.reason };
  if (job.fallback === "wait" && cannotRun(failed.code)) put(change, "jobs", job.job, { ...job, local: 0 });
  else failUnit(change, unit.key, failed);
}

/** Ends a unit that cannot be run. */
export function failUnit(
  change: Change,
  key: string,
  failed: Pick<Extract<Outcome, { readonly kind: "failed" }>, "code" | "message">,
): void {
  closeUnit(change, key);
  change.effects.push({ type: "failed", unit: key, code: failed.code, message: failed.message });
}
