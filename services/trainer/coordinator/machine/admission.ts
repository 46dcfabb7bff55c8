import { type Change, count, put, tell } from "./change.ts";
import type { Outcome } from "./events.ts";
import { grantLease } from "./leases.ts";
import {
  type Admission,
  admissionKey,
  type CoordinatorState,
  type JobSpec,
  type JobState,
  type LeaseState,
  type UnitName,
  type WorkerState,
} from "./state.ts";

/** Steps of a probe. */
const PROBE_STEPS = 8;
/** Programs for which a worker's admission is remembered. */
const ADMISSIONS_KEPT = 64;

/** The first steps of slot 0: whoever has their digest belongs to the class. */
export function probeOf({ job, steps, initial }: JobSpec): UnitName {
  return { job, slot: 0, first: 0, count: Math.min(PROBE_STEPS, steps), base: initial };
}

/** @returns the engine on which a worker runs a job; nothing if it is not admitted */
export function admittedEngine({ admissions }: WorkerState, job: JobSpec): string | undefined {
  const admission = admissions.get(admissionKey(job));
  return admission?.state === "admitted" ? admission.engine : undefined;
}

/** Grants a probe of a job to a worker, if one must come next. @returns the lease */
export function leaseProbe(change: Change, id: string, job: JobState): LeaseState | undefined {
  const worker = change.state.workers.get(id) as WorkerState;
  const admission = worker.admissions.get(admissionKey(job));
  const measured = admission?.state === "probed" && admission.job === job.job && measures(job);
  if (admission !== undefined && !measured) return undefined;
  const engine = engineFor(worker, job);
  if (engine === undefined) {
    admit(change, id, job, { state: "refused" });
    count(change, "refusedByClass");
    const has = worker.who.engines.map(({ numerics }) => numerics).join(", ") || "no engine";
    tell(change, { kind: "not-admitted", name: worker.who.name, by: "class", why: `it has ${has}, not ${job.pinned}` });
    return undefined;
  }
  admit(change, id, job, { state: "probing", job: job.job, ...(measured && { earlier: admission.digest }) });
  return grantLease(change, "probe", probeOf(job), id, worker.who.name, engine);
}

/** Runs the probe in the trainer, if a worker's waits for it. */
export function askReferences(change: Change): void {
  for (const job of change.state.jobs.values()) {
    if (job.numerics === "tolerant" || job.local === 0 || job.reference.state !== "none") continue;
    if (!waitsForReference(change.state, job)) continue;
    put(change, "jobs", job.job, { ...job, reference: { state: "asked" } });
    change.effects.push({ type: "run-probe", job: job.job, unit: probeOf(job) });
  }
}

/** Takes the result of a worker's probe. @returns why it is refused, if it is */
export function takeProbe(change: Change, lease: LeaseState, outcome: Outcome): string | undefined {
  const job = change.state.jobs.get(lease.job) as JobState;
  const worker = change.state.workers.get(lease.worker) as WorkerState;
  const admission = worker.admissions.get(admissionKey(job));
  if (outcome.kind !== "result") {
    const why = outcome.kind === "failed" ? outcome.message : outcome.reason;
    if (outcome.kind === "failed" && cannotRun(outcome.code)) refuse(change, lease.worker, job, why);
    else forgetProbe(change, lease);
    return why;
  }
  const { digest } = outcome;
  const admitted: Admission = { state: "admitted", engine: lease.engine };
  if (job.numerics === "tolerant") {
    admit(change, lease.worker, job, admitted);
    return undefined;
  }
  if (job.reference.state === "known") return compare(change, lease.worker, job, digest, job.reference.digest);
  const earlier = admission?.state === "probing" ? admission.earlier : undefined;
  if (earlier === undefined || !measures(job)) {
    admit(change, lease.worker, job, { state: "probed", job: job.job, digest });
    return undefined;
  }
  if (earlier !== digest) {
    return refuse(change, lease.worker, job, `its probe does not repeat: ${earlier}, then ${digest}`);
  }
  admit(change, lease.worker, job, admitted);
  setReference(change, job, digest);
  return undefined;
}

/** Sets what a right probe is, and settles those that waited for it. */
export function setReference(change: Change, job: JobState, digest: string): void {
  put(change, "jobs", job.job, { ...job, reference: { state: "known", digest } });
  for (const { id, admissions } of change.state.workers.values()) {
    const admission = admissions.get(admissionKey(job));
    if (admission?.state !== "probed" || admission.job !== job.job) continue;
    compare(change, id, job, admission.digest, digest);
  }
}

/** The probe was not finished: the worker needs another one. */
export function forgetProbe(change: Change, { worker, job }: LeaseState): void {
  const state = change.state.workers.get(worker);
  const spec = change.state.jobs.get(job);
  if (state !== undefined && spec !== undefined) forget(change, state, spec);
}

/** Forgets the probes of a job that ends, and keeps who was admitted. */
export function forgetProbes(change: Change, job: JobState): void {
  for (const worker of change.state.workers.values()) forget(change, worker, job);
}

function forget(change: Change, worker: WorkerState, job: JobSpec): void {
  const admission = worker.admissions.get(admissionKey(job));
  if (admission === undefined || !("job" in admission) || admission.job !== job.job) return;
  const admissions = new Map(worker.admissions);
  admissions.delete(admissionKey(job));
  put(change, "workers", worker.id, { ...worker, admissions });
}

/** The worker cannot run the program, now or later. @returns why */
export function refuse(change: Change, id: string, job: JobState, why: string): string {
  const worker = change.state.workers.get(id) as WorkerState;
  admit(change, id, job, { state: "refused" });
  count(change, "refusedByProbe");
  tell(change, { kind: "not-admitted", name: worker.who.name, by: "probe", why });
  return why;
}

/** Whether another try at the same would fail in the same way. */
export function cannotRun(code: string): boolean {
  return code === "invalid-argument" || code === "failed-precondition";
}

/** Whether a worker's probe is the measure, because the trainer cannot run the class. */
function measures(job: JobState): boolean {
  return job.local === 0 && job.reference.state !== "known";
}

function waitsForReference(state: CoordinatorState, job: JobState): boolean {
  for (const { present, admissions } of state.workers.values()) {
    const admission = present ? admissions.get(admissionKey(job)) : undefined;
    if (admission !== undefined && "job" in admission && admission.job === job.job) return true;
  }
  return false;
}

function engineFor({ who }: WorkerState, { pinned, numerics }: JobSpec): string | undefined {
  const ofClass = who.engines.find((engine) => engine.numerics === pinned);
  return (ofClass ?? (numerics === "tolerant" ? who.engines[0] : undefined))?.engine;
}

function compare(change: Change, id: string, job: JobState, digest: string, expected: string): string | undefined {
  const worker = change.state.workers.get(id) as WorkerState;
  if (digest !== expected) return refuse(change, id, job, `its probe has the digest ${digest}, not ${expected}`);
  admit(change, id, job, { state: "admitted", engine: engineFor(worker, job) as string });
  return undefined;
}

function admit(change: Change, id: string, job: JobSpec, admission: Admission): void {
  const worker = change.state.workers.get(id) as WorkerState;
  const admissions = new Map(worker.admissions);
  const key = admissionKey(job);
  admissions.delete(key);
  admissions.set(key, admission);
  for (const oldest of [...admissions.keys()].slice(0, -ADMISSIONS_KEPT)) admissions.delete(oldest);
  put(change, "workers", id, { ...worker, admissions });
}
