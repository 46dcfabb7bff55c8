import assert from "node:assert/strict";
import { admittedEngine } from "../../services/trainer/coordinator/machine/admission.ts";
import type { CoordinatorEvent, Effect } from "../../services/trainer/coordinator/machine/events.ts";
import { mostLeases } from "../../services/trainer/coordinator/machine/schedule.ts";
import {
  type CoordinatorState,
  LOCAL,
  type UnitState,
  unitKey,
} from "../../services/trainer/coordinator/machine/state.ts";
import { rightDigest, type Simulation } from "./coordinator-simulation.ts";

/** Throws if what an event led to is wrong. */
export function checkEffects(
  before: CoordinatorState,
  event: CoordinatorEvent,
  after: CoordinatorState,
  effects: readonly Effect[],
  { results, bases }: Simulation,
): void {
  const base = bases.at(-1);
  const over = new Set<string>();
  for (const effect of effects) {
    if (effect.type !== "finished") continue;
    const unit = before.units.get(effect.unit);
    assert(unit !== undefined, "I1: a unit ends that was not open");
    assert.equal(unit.base, base, "I3: the unit belongs to another state");
    assert(!results.has(unit.slot) && !over.has(effect.unit), "P8: a slot's result is there twice");
    over.add(effect.unit);
    assert.equal(effect.digest, rightDigest(unit), "P1: a wrong result counts");
  }
  if (event.type !== "submitted" || event.outcome.kind !== "result") return;
  const answers = effects.filter((effect) => effect.type === "answer");
  assert.equal(answers.length, 1, "a submission has one answer");
  const worker = before.workers.get(event.worker);
  const job = before.jobs.get(event.unit.job);
  const known = worker !== undefined && job !== undefined && admittedEngine(worker, job) !== undefined;
  if (!known || before.quarantined.has(worker.who.name) || before.leases.get(event.lease)?.kind === "probe") return;
  const key = unitKey(event.unit);
  const { digest } = event.outcome;
  const held = before.units.get(key)?.results ?? [];
  const ended = job.finished.find((unit) => unit.key === key);
  // A third digest of one unit is no further mismatch: it is still undecided.
  const differs = held.length === 1 ? held[0]?.digest !== digest : ended !== undefined && ended.digest !== digest;
  if (differs)
    assert(after.counters.mismatches > before.counters.mismatches, "I5: two digests of a unit pass silently");
}

/** Throws if an invariant does not hold. */
export function checkState({ state, plan, results, finished, bases, local, at }: Simulation): void {
  const { counters, units, leases, workers, requests } = state;
  const running = [...leases.values()].filter((lease) => !lease.held);
  const flying = [...leases.values()].filter((lease) => lease.kind === "unit").length;
  const { applied, duplicate, stale, refused, lost, returned } = counters;
  const fates = applied + duplicate + stale + refused + lost + returned;
  assert.equal(counters.leased, fates + flying, "I6: leases have no fate");
  assert.equal(applied, finished, "I6: results that count are not those applied");

  const base = bases.at(-1);
  const slots = new Set(results.keys());
  for (const unit of units.values()) {
    assert.equal(unit.base, base, "I1: a unit of another state is open");
    assert(!slots.has(unit.slot), "I1: a slot is open twice, or was over");
    slots.add(unit.slot);
    assert.equal(new Set(unit.results.map(({ name }) => name)).size, unit.results.length, "an executor audits itself");
    for (const { lease } of unit.results) assert.equal(leases.get(lease)?.held, true, "a result has no lease");
  }

  const inWork = new Map<string, number>();
  const copies = new Set<string>();
  for (const lease of running) {
    inWork.set(lease.worker, (inWork.get(lease.worker) ?? 0) + 1);
    if (lease.worker !== LOCAL) assert(workers.get(lease.worker)?.present, "a worker that is gone has a unit");
    if (lease.kind === "probe") continue;
    assert(units.has(lease.unit), "a unit that is over is in work");
    const copy = `${lease.unit} by ${lease.name}`;
    assert(!copies.has(copy), "an executor runs a unit twice");
    copies.add(copy);
  }
  assert.equal(inWork.get(LOCAL) ?? 0, local.length, "the trainer runs other units than it should");
  for (const name of state.quarantined.keys()) assert(!name.startsWith("honest"), `${name} is quarantined`);

  const wanting = [...units.values()].filter((unit) => runsNeeded(unit) > runsOf(state, unit));
  for (const id of requests.values()) {
    const worker = workers.get(id);
    assert(worker?.present, "a worker that is gone waits");
    if (worker.pausedUntil > at || (inWork.get(id) ?? 0) >= mostLeases(worker)) continue;
    for (const unit of wanting) {
      if (plan.local > 0 && unit.results.length >= 2) continue;
      const done =
        unit.results.some(({ name }) => name === worker.who.name) || copies.has(`${unit.key} by ${worker.who.name}`);
      const job = state.jobs.get(unit.job);
      if (done || job === undefined || admittedEngine(worker, job) === undefined) continue;
      assert.fail("I4: a unit waits while a worker waits that may run it");
    }
  }
  const anyone = [...workers.values()].some(({ present }) => present);
  if (!anyone && wanting.length > 0) {
    assert(plan.local === 0 || local.length > 0, "I4: a unit waits while the trainer is idle and no worker is there");
  }
}

function runsNeeded({ audited, results }: UnitState): number {
  return audited && results.length === 0 ? 2 : 1;
}

function runsOf({ leases }: CoordinatorState, unit: UnitState): number {
  return [...leases.values()].filter((lease) => lease.kind === "unit" && lease.unit === unit.key && !lease.held).length;
}
