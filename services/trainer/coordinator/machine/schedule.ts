import { admittedEngine, askReferences, leaseProbe } from "./admission.ts";
import { needsTrainer, runsWanted, usualMs } from "./audits.ts";
import { type Change, drop } from "./change.ts";
import { grantLease, runningBy, runningOn } from "./leases.ts";
import {
  type CoordinatorState,
  type JobState,
  type LeaseState,
  LOCAL,
  type UnitState,
  type WorkerState,
} from "./state.ts";

/** A unit must be this old before a second copy of it pays: in milliseconds, and in usual times of a unit. */
const LEAST_BACKUP_MS = 250;
const BACKUP_AFTER = 1.5;

/** Gives out all the work that can be given out. Runs after every event, so that nothing waits for the next arrival. */
export function schedule(change: Change): void {
  for (const [request, id] of change.state.requests) {
    const lease = workFor(change, id);
    if (lease === undefined) continue;
    drop(change, "requests", request);
    change.effects.push({ type: "grant", request, lease });
  }
  startLocal(change);
  askReferences(change);
}

/** Leases whatever a worker should do next. */
function workFor(change: Change, id: string): LeaseState | undefined {
  const worker = change.state.workers.get(id) as WorkerState;
  if (worker.pausedUntil > change.at || runningBy(change.state, id).length >= mostLeases(worker)) return undefined;
  const { units, jobs } = change.state;
  for (const unit of units.values()) {
    const job = jobs.get(unit.job) as JobState;
    const engine = mayRun(change.state, worker, unit, job);
    if (engine !== undefined && missingRuns(change.state, unit) > 0) {
      return grantLease(change, "unit", unit, id, worker.who.name, engine);
    }
  }
  for (const { job: key } of jobs.values()) {
    const probe = leaseProbe(change, id, change.state.jobs.get(key) as JobState);
    if (probe !== undefined) return probe;
  }
  return backupFor(change, worker);
}

/** A worker asks for its next unit while it still sends the result of the last one. */
export function mostLeases({ who }: WorkerState): number {
  return 2 * who.parallel;
}

/** Leases a second copy of a unit that takes much longer than others (MapReduce's backup task). */
function backupFor(change: Change, worker: WorkerState): LeaseState | undefined {
  const { at, state } = change;
  for (const unit of state.units.values()) {
    const job = state.jobs.get(unit.job) as JobState;
    const usual = usualMs(job, unit);
    const engine = mayRun(state, worker, unit, job);
    if (usual === undefined || engine === undefined) continue;
    const running = runningOn(state, unit.key);
    if (running.length !== runsWanted(unit)) continue;
    const oldest = Math.min(...running.map(({ grantedAt }) => grantedAt));
    if (at - oldest > Math.max(LEAST_BACKUP_MS, BACKUP_AFTER * usual)) {
      return grantLease(change, "unit", unit, worker.id, worker.who.name, engine);
    }
  }
  return undefined;
}

/** Runs units in the trainer where no worker can. It audits only results that are there. */
function startLocal(change: Change): void {
  for (const unit of change.state.units.values()) {
    const { state } = change;
    const job = state.jobs.get(unit.job) as JobState;
    if (runningBy(state, LOCAL).length >= job.local) continue;
    if (missingRuns(state, unit) <= 0) continue;
    const decides = needsTrainer(unit, job);
    if (!decides && (runningOn(state, unit.key).length > 0 || anyWorkerFor(state, unit, job, change.at))) continue;
    change.effects.push({ type: "run", lease: grantLease(change, "unit", unit, LOCAL, LOCAL, "") });
  }
}

/** Runs that a unit needs and nobody has in work. */
export function missingRuns(state: CoordinatorState, unit: UnitState): number {
  return runsWanted(unit) - runningOn(state, unit.key).length;
}

/** Whether a worker is there that will run a unit. */
export function anyWorkerFor(state: CoordinatorState, unit: UnitState, job: JobState, at: number): boolean {
  const asking = new Set(state.requests.values());
  for (const worker of state.workers.values()) {
    if (!worker.present || worker.pausedUntil > at) continue;
    if (mayRun(state, worker, unit, job) === undefined) continue;
    // A worker that neither works nor asks for work must not hold up a unit.
    if (asking.has(worker.id) || at - worker.activeAt < state.settings.silenceMs) return true;
    if (runningBy(state, worker.id).length > 0) return true;
  }
  return false;
}

/** @returns the engine on which a worker may run a unit; nothing if it may not, or has run it */
function mayRun(state: CoordinatorState, worker: WorkerState, unit: UnitState, job: JobState): string | undefined {
  const { name } = worker.who;
  if (needsTrainer(unit, job) || unit.results.some((held) => held.name === name)) return undefined;
  if (runningOn(state, unit.key).some((lease) => lease.name === name)) return undefined;
  return admittedEngine(worker, job);
}
