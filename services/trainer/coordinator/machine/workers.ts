import { type Backoff, backoffMs } from "../../../common/async/retry.ts";
import type { JoiningWorker } from "../../../rpc/services/coordinator-service.ts";
import { forgetProbe } from "./admission.ts";
import { type Change, drop, put, tell } from "./change.ts";
import { endLease, giveUp, runningBy } from "./leases.ts";
import { type LeaseState, LOCAL, type WorkerState } from "./state.ts";

/** Workers that have left and are remembered, because a result of theirs may still arrive. */
const DEPARTED_KEPT = 64;
/** The pause of a worker that did not finish a unit; it doubles with each further one in a row. */
const PAUSE: Backoff = { firstDelayMs: 1_000, longestDelayMs: 60_000 };

export function join(change: Change, id: string, who: JoiningWorker): void {
  const { at } = change;
  put(change, "workers", id, {
    id,
    who,
    present: true,
    joinedAt: at,
    beatAt: at,
    activeAt: at,
    failures: 0,
    pausedUntil: at,
    admissions: new Map(),
    unitsDone: 0,
    rates: [],
  });
  tell(change, { kind: "joined", worker: id, name: who.name });
}

/** A worker that is there, or nothing. */
export function presentWorker(change: Change, id: string): WorkerState | undefined {
  const worker = change.state.workers.get(id);
  return worker?.present === true ? worker : undefined;
}

export function beat(
  change: Change,
  id: string,
  units: readonly { readonly lease: string; readonly work: number }[],
): void {
  const worker = presentWorker(change, id);
  if (worker === undefined) {
    change.effects.push({ type: "dismiss", worker: id, reason: "it has not joined, or was given up" });
    return;
  }
  put(change, "workers", id, { ...worker, beatAt: change.at });
  const unknown: string[] = [];
  for (const { lease: leaseId, work } of units) {
    const lease = change.state.leases.get(leaseId);
    if (lease?.worker !== id) unknown.push(leaseId);
    else if (work > lease.work) put(change, "leases", leaseId, { ...lease, work, progressAt: change.at });
  }
  if (unknown.length > 0) change.effects.push({ type: "abandon", worker: id, leases: unknown });
}

/** Removes a worker. What it had in work goes to others; results of its that are held stay. */
export function depart(change: Change, id: string, why: string | undefined): void {
  const worker = presentWorker(change, id);
  if (worker === undefined) return;
  const { name } = worker.who;
  put(change, "workers", id, { ...worker, present: false });
  const running = runningBy(change.state, id);
  for (const lease of running) endLease(change, lease, "lost");
  for (const [request, asking] of change.state.requests) {
    if (asking !== id) continue;
    drop(change, "requests", request);
    change.effects.push({ type: "reject", request });
  }
  if (why === undefined && running.length === 0) {
    tell(change, { kind: "left", worker: id, name });
  } else {
    tell(change, { kind: "lost", worker: id, name, why: why ?? "its connection ended", units: running.length });
  }
  if (why !== undefined) change.effects.push({ type: "dismiss", worker: id, reason: why });
  const departed = [...change.state.workers.values()].filter(({ present }) => !present);
  for (const { id: oldest } of departed.slice(0, -DEPARTED_KEPT)) drop(change, "workers", oldest);
}

/** A worker that did not finish a unit gets the next one after a pause, never a ban: it may be slow or unlucky. */
export function pause(change: Change, id: string): void {
  const worker = change.state.workers.get(id);
  if (worker === undefined) return;
  const failures = worker.failures + 1;
  put(change, "workers", id, { ...worker, failures, pausedUntil: change.at + backoffMs(PAUSE, failures) });
}

/** Gives up workers without beats and leases without progress. */
export function giveUpSilent(change: Change): void {
  const { at } = change;
  const { silenceMs } = change.state.settings;
  for (const { id, present, beatAt } of change.state.workers.values()) {
    if (present && at - beatAt >= silenceMs) depart(change, id, `no beat for ${silenceMs / 1000} s`);
  }
  for (const lease of change.state.leases.values()) {
    if (lease.worker === LOCAL || lease.held || at - lease.progressAt < silenceMs) continue;
    giveUp(change, lease, "lost");
    abandoned(change, lease, `no progress for ${silenceMs / 1000} s`);
  }
}

/** What follows for a worker that did not finish a lease. */
export function abandoned(change: Change, lease: LeaseState, why: string): void {
  if (lease.kind === "probe") forgetProbe(change, lease);
  pause(change, lease.worker);
  const { job, slot, first, count, base } = lease;
  tell(change, { kind: "unit-lost", name: lease.name, unit: { job, slot, first, count, base }, why });
}
