import { createHash } from "node:crypto";
import { type Change, count, drop, put, tell } from "./change.ts";
import { closeUnit, endLease } from "./leases.ts";
import {
  type CoordinatorState,
  type Evidence,
  type FinishedUnit,
  type HeldResult,
  type JobState,
  type LeaseState,
  LOCAL,
  type UnitName,
  type UnitState,
} from "./state.ts";
import { depart } from "./workers.ts";

/** Units of a job that are remembered after their end, to tell duplicates from stale results. */
const FINISHED_KEPT = 128;
/** Units whose pace is remembered. */
const PACES_KEPT = 31;
/** Units of a suspect that must be confirmed before it is trusted again. */
const CONFIRMATIONS = 16;

/** Whether a unit is among the share that is run twice. */
export function isAudited(share: number, { job, slot, first }: UnitName): boolean {
  if (share <= 0) return false;
  const drawn = createHash("sha256").update(`${job} ${slot} ${first}`).digest().readUInt32BE(0) / 2 ** 32;
  return drawn < share;
}

/** Runs that an open unit needs beyond the results that it has. */
export function runsWanted(unit: UnitState): number {
  return unit.audited && unit.results.length === 0 ? 2 : 1;
}

/** Whether only the trainer may run a unit next: it decides between differing results. */
export function needsTrainer(unit: UnitState, job: JobState): boolean {
  return job.local > 0 && job.numerics === "exact" && unit.results.length >= 2;
}

/** Adds a valid result to a unit, and ends the unit if that decides it. */
export function hold(change: Change, unit: UnitState, lease: LeaseState, digest: string, finite: boolean): void {
  put(change, "leases", lease.id, { ...lease, held: true });
  const results = [...unit.results, { lease: lease.id, name: lease.name, digest, finite }];
  put(change, "units", unit.key, { ...unit, results });
  const job = change.state.jobs.get(unit.job) as JobState;
  if (results.length === 2 && job.numerics === "exact") {
    count(change, "audits");
    const [first, second] = results as [HeldResult, HeldResult];
    if (first.digest !== second.digest) {
      count(change, "mismatches");
      const evidence = { unit: nameOf(unit), expected: first.digest, got: second.digest };
      tell(change, { kind: "mismatch", names: [first.name, second.name], evidence });
    }
  }
  decide(change, unit.key);
}

/** Ends a unit if its results suffice. */
export function decide(change: Change, key: string): void {
  const unit = change.state.units.get(key);
  if (unit === undefined) return;
  const job = change.state.jobs.get(unit.job) as JobState;
  const verdict = job.numerics === "exact" ? exactVerdict(unit, change.state) : tolerantVerdict(unit);
  if (verdict === undefined) return;
  const { digest, finite, name: by } = verdict.result;
  const losers = unit.results.filter((result) => result.digest !== digest);
  let fate: "applied" | "duplicate" = "applied";
  for (const result of unit.results) {
    const lease = change.state.leases.get(result.lease) as LeaseState;
    if (result.digest !== digest) {
      endLease(change, lease, "refused");
      continue;
    }
    if (fate === "applied") remember(change, lease, { key, digest, finite, by, proven: verdict.proven });
    endLease(change, lease, fate);
    fate = "duplicate";
    credit(change, lease, verdict.proven);
  }
  closeUnit(change, key);
  change.effects.push({ type: "finished", unit: key, digest });
  if (!verdict.proven) return;
  for (const { name, digest: got } of losers) {
    quarantine(change, name, { unit: nameOf(unit), expected: digest, got });
  }
}

/** Takes note that a result differs from the one that a finished unit has. */
export function contradict(change: Change, unit: UnitName, finished: FinishedUnit, name: string, got: string): void {
  const evidence = { unit, expected: finished.digest, got };
  count(change, "mismatches");
  tell(change, { kind: "mismatch", names: [finished.by, name], evidence });
  if (finished.proven) quarantine(change, name, evidence);
  else for (const suspect of [finished.by, name]) put(change, "suspects", suspect, CONFIRMATIONS);
}

/** Refuses a name from now on, and forgets what it brought to units that are open. */
function quarantine(change: Change, name: string, evidence: Evidence): void {
  if (name === LOCAL || change.state.quarantined.has(name)) return;
  put(change, "quarantined", name, evidence);
  drop(change, "suspects", name);
  count(change, "quarantined");
  tell(change, { kind: "quarantined", name, evidence });
  for (const worker of change.state.workers.values()) {
    if (worker.who.name === name) depart(change, worker.id, "it returned a wrong result");
  }
  for (const { key } of change.state.units.values()) {
    const unit = change.state.units.get(key);
    const result = unit?.results.find((held) => held.name === name);
    if (unit === undefined || result === undefined) continue;
    endLease(change, change.state.leases.get(result.lease) as LeaseState, "refused");
    put(change, "units", key, { ...unit, results: unit.results.filter((held) => held !== result) });
    decide(change, key);
  }
}

interface Verdict {
  readonly result: HeldResult;
  readonly proven: boolean;
}

/** The trainer is right; two that agree are right; one alone counts where nothing asks for a second. */
function exactVerdict({ results, audited }: UnitState, { suspects }: CoordinatorState): Verdict | undefined {
  const own = results.find(({ name }) => name === LOCAL);
  // The first of equal results is the unit's.
  const first = (digest: string) => results.find((result) => result.digest === digest) as HeldResult;
  if (own !== undefined) return { result: first(own.digest), proven: true };
  const confirmed = results.find((result) => first(result.digest) !== result);
  if (confirmed !== undefined) return { result: first(confirmed.digest), proven: true };
  const [only] = results;
  if (results.length !== 1 || only === undefined) return undefined;
  return only.finite && !audited && !suspects.has(only.name) ? { result: only, proven: false } : undefined;
}

/** A finite result counts; two that are not finite mean that the training diverged. */
function tolerantVerdict({ results }: UnitState): Verdict | undefined {
  const result =
    results.find(({ finite }) => finite) ??
    results.find(({ name }) => name === LOCAL) ??
    (results.length >= 2 ? results[0] : undefined);
  return result === undefined ? undefined : { result, proven: false };
}

function remember(change: Change, lease: LeaseState, unit: FinishedUnit): void {
  const job = change.state.jobs.get(lease.job) as JobState;
  put(change, "jobs", job.job, {
    ...job,
    finished: [...job.finished.slice(1 - FINISHED_KEPT), unit],
    paces: [...job.paces.slice(1 - PACES_KEPT), (change.at - lease.grantedAt) / lease.count],
  });
}

function credit(change: Change, { worker: id, name }: LeaseState, proven: boolean): void {
  const worker = change.state.workers.get(id);
  if (worker !== undefined) put(change, "workers", id, { ...worker, unitsDone: worker.unitsDone + 1 });
  const left = change.state.suspects.get(name);
  if (left === undefined || !proven) return;
  if (left > 1) put(change, "suspects", name, left - 1);
  else drop(change, "suspects", name);
}

function nameOf({ job, slot, first, count: steps, base }: UnitName): UnitName {
  return { job, slot, first, count: steps, base };
}

/** Milliseconds that a unit of a job usually takes; undefined before the third. */
export function usualMs({ paces }: JobState, { count: steps }: UnitName): number | undefined {
  if (paces.length < 3) return undefined;
  const median = paces.toSorted((a, b) => a - b)[paces.length >> 1] as number;
  return median * steps;
}
