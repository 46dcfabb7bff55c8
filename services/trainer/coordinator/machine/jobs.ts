import { cannotRun, forgetProbes, setReference } from "./admission.ts";
import { isAudited } from "./audits.ts";
import { type Change, drop, put } from "./change.ts";
import type { Outcome } from "./events.ts";
import { closeUnit, giveUp } from "./leases.ts";
import { type JobSpec, type UnitName, unitKey } from "./state.ts";
import { failUnit } from "./submissions.ts";

export function openJob(change: Change, job: JobSpec): void {
  put(change, "jobs", job.job, { ...job, reference: { state: "none" }, finished: [], paces: [] });
}

/** Ends a job, its units and its probes. */
export function closeJob(change: Change, id: string): void {
  const job = change.state.jobs.get(id);
  if (job === undefined) return;
  for (const unit of change.state.units.values()) if (unit.job === id) closeUnit(change, unit.key);
  for (const lease of change.state.leases.values()) if (lease.job === id) giveUp(change, lease, "stale");
  forgetProbes(change, job);
  drop(change, "jobs", id);
}

export function openUnit(change: Change, { job: id, slot, first, count, base }: UnitName): void {
  const job = change.state.jobs.get(id);
  const unit = { job: id, slot, first, count, base };
  const key = unitKey(unit);
  if (job === undefined || change.state.units.has(key)) return;
  const audited = job.numerics === "exact" && isAudited(job.audit, unit);
  put(change, "units", key, { ...unit, key, audited, results: [] });
}

/** Takes the probe that the trainer ran. */
export function takeReference(change: Change, id: string, outcome: Outcome): void {
  const job = change.state.jobs.get(id);
  if (job === undefined) return;
  if (outcome.kind === "result") {
    setReference(change, job, outcome.digest);
    return;
  }
  const failed = outcome.kind === "failed" ? outcome : { code: "internal" as const, message: outcome.reason };
  const waits = job.fallback === "wait" && cannotRun(failed.code);
  put(change, "jobs", id, { ...job, reference: { state: "none" }, ...(waits && { local: 0 }) });
  if (waits) return;
  for (const unit of change.state.units.values()) if (unit.job === id) failUnit(change, unit.key, failed);
}
