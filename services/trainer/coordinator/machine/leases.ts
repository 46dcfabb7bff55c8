import { type Change, count, drop, put } from "./change.ts";
import { type CoordinatorState, type Fate, type LeaseState, LOCAL, type UnitName, unitKey } from "./state.ts";

/** Grants a lease to a worker or to the trainer. @param worker id, or `LOCAL` @param name of the worker, or `LOCAL` */
export function grantLease(
  change: Change,
  kind: "unit" | "probe",
  { job, slot, first, count: steps, base }: UnitName,
  worker: string,
  name: string,
  engine: string,
): LeaseState {
  const { at, state } = change;
  const granted = state.granted + 1;
  const unit = { job, slot, first, count: steps, base };
  const lease: LeaseState = {
    id: `${state.settings.incarnation}-${granted}`,
    kind,
    ...unit,
    unit: unitKey(unit),
    worker,
    name,
    engine,
    grantedAt: at,
    progressAt: at,
    work: 0,
    held: false,
  };
  change.state = { ...state, granted };
  put(change, "leases", lease.id, lease);
  if (kind === "unit") count(change, "leased");
  return lease;
}

/** Ends a lease. Probes have no fate. */
export function endLease(change: Change, { id, kind }: LeaseState, fate: Fate): void {
  drop(change, "leases", id);
  change.fates.set(id, fate);
  if (kind === "unit") count(change, fate);
}

/** Ends a lease whose work is not wanted any more, and tells whoever does it. */
export function giveUp(change: Change, lease: LeaseState, fate: Fate): void {
  endLease(change, lease, fate);
  if (lease.held) return;
  if (lease.worker === LOCAL) change.effects.push({ type: "stop", lease: lease.id });
  else change.effects.push({ type: "abandon", worker: lease.worker, leases: [lease.id] });
}

/** Ends a unit, and all its leases that have no fate yet. */
export function closeUnit(change: Change, key: string): void {
  drop(change, "units", key);
  for (const lease of change.state.leases.values()) {
    if (lease.kind === "unit" && lease.unit === key) giveUp(change, lease, "stale");
  }
}

/** The leases of a unit that are in work. */
export function runningOn(state: CoordinatorState, key: string): readonly LeaseState[] {
  return [...state.leases.values()].filter((lease) => lease.kind === "unit" && lease.unit === key && !lease.held);
}

/** The leases that a worker has in work, probes among them. @param worker id, or `LOCAL` */
export function runningBy(state: CoordinatorState, worker: string): readonly LeaseState[] {
  return [...state.leases.values()].filter((lease) => lease.worker === worker && !lease.held);
}
