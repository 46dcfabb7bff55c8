import { forgetProbe } from "./admission.ts";
import { beginChange, type Change, drop, put } from "./change.ts";
import type { CoordinatorEvent, Effect } from "./events.ts";
import { closeJob, openJob, openUnit, takeReference } from "./jobs.ts";
import { closeUnit, endLease } from "./leases.ts";
import { schedule } from "./schedule.ts";
import { type CoordinatorState, unitKey } from "./state.ts";
import { submit, takeLocal } from "./submissions.ts";
import { beat, depart, giveUpSilent, join, presentWorker } from "./workers.ts";

/**
 * The coordinator as a pure function: no clock, no IO, no randomness. After every event, all work that can be given out has
 * been given out, and `leased` equals the sum of the fates and of the leases in flight.
 */
export function transition(
  state: CoordinatorState,
  event: CoordinatorEvent,
): readonly [state: CoordinatorState, effects: readonly Effect[]] {
  const change = beginChange(state, event.at);
  apply(change, event);
  schedule(change);
  return [change.state, change.effects];
}

function apply(change: Change, event: CoordinatorEvent): void {
  switch (event.type) {
    case "job-opened":
      openJob(change, event.job);
      break;
    case "job-closed":
      closeJob(change, event.job);
      break;
    case "unit-opened":
      openUnit(change, event.unit);
      break;
    case "unit-closed":
      closeUnit(change, unitKey(event.unit));
      break;
    case "joined":
      join(change, event.worker, event.who);
      break;
    case "beat":
      beat(change, event.worker, event.units);
      break;
    case "left":
      depart(change, event.worker, undefined);
      break;
    case "asked":
      ask(change, event.worker, event.request);
      break;
    case "stopped-asking":
      stopAsking(change, event.request);
      break;
    case "submitted":
      submit(change, event);
      break;
    case "returned":
      takeBack(change, event.worker, event.lease);
      break;
    case "ran":
      takeLocal(change, event.lease, event.outcome);
      break;
    case "probed":
      takeReference(change, event.job, event.outcome);
      break;
    case "tick":
      giveUpSilent(change);
      break;
  }
}

function ask(change: Change, id: string, request: string): void {
  if (!touch(change, id)) change.effects.push({ type: "reject", request });
  else put(change, "requests", request, id);
}

function stopAsking(change: Change, request: string): void {
  const id = change.state.requests.get(request);
  if (id === undefined) return;
  drop(change, "requests", request);
  touch(change, id);
}

function takeBack(change: Change, id: string, leaseId: string): void {
  touch(change, id);
  const lease = change.state.leases.get(leaseId);
  if (lease?.worker !== id || lease.held) return;
  endLease(change, lease, "returned");
  if (lease.kind === "probe") forgetProbe(change, lease);
}

/** @returns whether the worker is there */
function touch(change: Change, id: string): boolean {
  const worker = presentWorker(change, id);
  if (worker === undefined) return false;
  put(change, "workers", id, { ...worker, activeAt: change.at });
  return true;
}
