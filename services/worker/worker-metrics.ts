import { type Metrics, workBuckets } from "../runtime/metrics.ts";
import { UNIT_ENDS, type UnitEnd } from "./run-unit.ts";

export interface WorkerMetrics {
  /** Records the end of a leased unit, `seconds` after its lease. */
  ended(engine: string, end: UnitEnd, seconds: number): void;
  fetched(bytes: number): void;
  submitted(bytes: number): void;
}

export interface WorkerGauges {
  running(): number;
  connected(): boolean;
}

/** @param engines the values of the label `engine` */
export function createWorkerMetrics(metrics: Metrics, engines: readonly string[], gauges: WorkerGauges): WorkerMetrics {
  const units = metrics.counter({
    name: "uncouple_worker_leases_total",
    help: "Leased units that have ended, by the fate of their result, or why there was none.",
    labels: ["end"],
  });
  for (const end of UNIT_ENDS) units.inc({ end }, 0);
  const duration = metrics.histogram({
    name: "uncouple_worker_lease_seconds",
    help: "Time from the lease of a unit to its end, by engine.",
    labels: ["engine"],
    buckets: workBuckets,
  });
  const exchanged = metrics.counter({
    name: "uncouple_worker_transferred_bytes_total",
    help: "Bytes of programs, columns and states, by direction.",
    labels: ["direction"],
  });
  for (const direction of ["fetched", "submitted"]) exchanged.inc({ direction }, 0);
  metrics.gauge({
    name: "uncouple_worker_leases_running",
    help: "Leased units in work.",
    collect: (gauge) => gauge.set(gauges.running()),
  });
  metrics.gauge({
    name: "uncouple_worker_connected",
    help: "1 while the worker has joined its trainer, otherwise 0.",
    collect: (gauge) => gauge.set(gauges.connected() ? 1 : 0),
  });
  return {
    ended(engine, end, seconds) {
      units.inc({ end });
      if (engines.includes(engine)) duration.observe({ engine }, seconds);
    },
    fetched: (bytes) => exchanged.inc({ direction: "fetched" }, bytes),
    submitted: (bytes) => exchanged.inc({ direction: "submitted" }, bytes),
  };
}
