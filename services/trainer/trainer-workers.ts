import type { Clock } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import type { UnitRunner } from "../learning/units/unit.ts";
import type { CoordinatorService } from "../rpc/services/coordinator-service.ts";
import type { Logger } from "../runtime/logs.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { Coordinator, RanUnit, UnitLimits } from "./coordinator/coordinator.ts";
import { logNote } from "./worker-notes.ts";
import { createWorkersMetrics } from "./workers-metrics.ts";

export interface TrainerWorkersSettings {
  readonly pipeline: string;
  readonly component: string;
  readonly codeVersion: string;
  /** Whether the team's file has workers. */
  readonly enabled: boolean;
}

/** The workers of a trainer. */
export interface TrainerWorkers {
  /** Refuses workers until the trainer has started. */
  readonly service: CoordinatorService;
  /** @throws UncoupleError `internal` on `open` before the trainer has started */
  readonly units: UnitRunner;
  /** As `Coordinator.waitingFor`. */
  waitingFor(): string | undefined;
  /** @param incarnation counts the trainer's starts with its state folder */
  start(incarnation: number): void;
  close(): Promise<void>;
}

/** Share of a unit's time that may go to fetching, sending and waiting before the log says that workers hardly pay. */
const MOST_OVERHEAD = 0.1;
/** Units of workers that are judged together. */
const UNITS_JUDGED = 50;

export function createTrainerWorkers(
  settings: TrainerWorkersSettings,
  deps: { readonly clock: Clock; readonly log: Logger; readonly metrics: Metrics; readonly limits: UnitLimits },
): TrainerWorkers {
  const { clock, log } = deps;
  let incarnation: number | undefined;
  let closed = false;
  let creating: Promise<Coordinator> | undefined;
  let coordinator: Coordinator | undefined;
  const measured = createWorkersMetrics(deps.metrics, () => coordinator?.metrics());
  const warn = warnOfOverhead((share) =>
    log.warn(
      { share },
      `workers spent ${Math.round(100 * share)} % of the time of their last ${UNITS_JUDGED} units on exchanging data; raise workers.sync_every, or use fewer workers`,
    ),
  );
  /** Most trainers never meet a worker: a coordinator, with the engines that it needs, comes with the first call. */
  const started = async (): Promise<Coordinator> => {
    if (closed) throw new UncoupleError("unavailable", "the trainer is stopping");
    if (incarnation === undefined) throw new UncoupleError("unavailable", "the trainer is starting");
    creating ??= create(incarnation);
    return creating;
  };
  async function create(starts: number): Promise<Coordinator> {
    const { createCoordinator } = await import("./coordinator/create-coordinator.ts");
    coordinator = createCoordinator(
      { ...settings, incarnation: starts },
      {
        clock,
        limits: deps.limits,
        observer: {
          note: (note) => logNote(log, note),
          ran(unit) {
            measured.ran(unit);
            warn(unit);
          },
          exchanged: measured.exchanged,
        },
      },
    );
    return coordinator;
  }
  return {
    service: {
      join: async (worker) => (await started()).join(worker),
      async *beat(beats, signal) {
        yield* (await started()).beat(beats, signal);
      },
      lease: async (worker, signal) => (await started()).lease(worker, signal),
      fetch: async (worker, digest) => (await started()).fetch(worker, digest),
      submit: async (result, bytes) => (await started()).submit(result, bytes),
      returnUnit: async (worker, lease) => (await started()).returnUnit(worker, lease),
      listWorkers: async () => (await started()).listWorkers(),
    },
    units: { open: async (request) => (await started()).open(request) },
    waitingFor: () => coordinator?.waitingFor(),
    start(starts) {
      incarnation = starts;
    },
    async close() {
      closed = true;
      await (await creating)?.close();
    },
  };
}

/** Sums up the units of workers and tells once, for the first window in which the overhead was too large. */
function warnOfOverhead(tell: (share: number) => void): (unit: RanUnit) => void {
  let units = 0;
  let seconds = 0;
  let overhead = 0;
  let told = false;
  return ({ by, seconds: computed, overheadSeconds }) => {
    if (by !== "worker" || told) return;
    units++;
    seconds += computed;
    overhead += overheadSeconds;
    if (units < UNITS_JUDGED) return;
    const share = overhead / Math.max(seconds + overhead, Number.MIN_VALUE);
    if (overhead > MOST_OVERHEAD * seconds) {
      told = true;
      tell(share);
    }
    units = seconds = overhead = 0;
  };
}
