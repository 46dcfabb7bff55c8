import { mean } from "../../common/statistics.ts";
import type { WorkerStatus } from "../../rpc/services/coordinator-service.ts";
import type { CoordinatorMetrics } from "./coordinator.ts";
import { admittedEngine } from "./machine/admission.ts";
import { runningBy } from "./machine/leases.ts";
import { anyWorkerFor, missingRuns } from "./machine/schedule.ts";
import { type CoordinatorState, inFlight, type JobState, type WorkerState } from "./machine/state.ts";

/** What is true at one moment. */
export function viewMetrics(state: CoordinatorState): CoordinatorMetrics {
  const present = [...state.workers.values()].filter((worker) => worker.present).length;
  return { counters: state.counters, inFlight: inFlight(state), waiting: unitsWaiting(state), present };
}

/** Units that are to be run and that nobody runs. */
export function unitsWaiting(state: CoordinatorState): number {
  return [...state.units.values()].filter((unit) => missingRuns(state, unit) > 0).length;
}

/** As `Coordinator.waitingFor`. @param at milliseconds */
export function viewWaiting(state: CoordinatorState, at: number): string | undefined {
  for (const unit of state.units.values()) {
    const job = state.jobs.get(unit.job) as JobState;
    if (job.local > 0 || missingRuns(state, unit) <= 0 || anyWorkerFor(state, unit, job, at)) continue;
    if (unit.results.length > 0) return `another worker of numerics class ${job.pinned}, to run a unit a second time`;
    return job.numerics === "exact" ? `a worker of numerics class ${job.pinned}` : "a worker";
  }
  return undefined;
}

/** The workers that are present, and those that were quarantined. @param at milliseconds */
export function viewWorkers(state: CoordinatorState, at: number): readonly WorkerStatus[] {
  return [...state.workers.values()]
    .filter(({ present, who }) => present || state.quarantined.has(who.name))
    .map((worker) => viewWorker(state, worker, at));
}

function viewWorker(state: CoordinatorState, worker: WorkerState, at: number): WorkerStatus {
  const { id, who, beatAt, unitsDone, rates } = worker;
  const running = runningBy(state, id);
  const jobs = [...state.jobs.values()];
  const admitted = jobs.map((job) => admittedEngine(worker, job)).find((engine) => engine !== undefined);
  const engine = who.engines.find((known) => known.engine === admitted) ?? who.engines[0];
  const [oldest] = running;
  return {
    worker: id,
    name: who.name,
    host: who.host,
    pid: who.pid,
    engine: engine?.engine ?? "",
    numerics: engine?.numerics ?? "",
    unitsDone,
    unitsRunning: running.filter(({ kind }) => kind === "unit").length,
    stepsPerSecond: rates.length === 0 ? null : mean(rates),
    lagSeconds: oldest === undefined ? null : (at - oldest.progressAt) / 1000,
    beatSeconds: (at - beatAt) / 1000,
    quarantined: state.quarantined.has(who.name),
  };
}
