import type { Metrics } from "../runtime/metrics.ts";
import type { CoordinatorMetrics, CoordinatorObserver } from "./coordinator/coordinator.ts";

const FATES = ["applied", "duplicate", "stale", "refused", "lost", "returned"] as const;
/** Upper bounds for units: 10 ms to 10 min, in seconds. */
const UNIT_BUCKETS: readonly number[] = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 180, 600];

/**
 * Metrics of a trainer's workers. At every scrape, units leased = the sum of all fates + units in flight, because all are
 * read at one moment.
 *
 * @param read returns nothing before the trainer has started
 */
export function createWorkersMetrics(
  metrics: Metrics,
  read: () => CoordinatorMetrics | undefined,
): Pick<CoordinatorObserver, "ran" | "exchanged"> {
  const inFlight = metrics.gauge({
    name: "uncouple_worker_units_in_flight",
    help: "Units leased that have no fate yet.",
    // The first of these metrics that a scrape reads; the others keep what it sets.
    collect: () => update(),
  });
  const leased = metrics.counter({
    name: "uncouple_worker_units_leased_total",
    help: "Units leased, to workers and to the trainer itself.",
  });
  const fates = metrics.counter({
    name: "uncouple_worker_units_total",
    help: "Leased units by their fate: applied, duplicate, stale, refused, lost or returned.",
    labels: ["fate"],
  });
  const waiting = metrics.gauge({
    name: "uncouple_worker_units_waiting",
    help: "Units that are to be run and that nobody runs. Autoscalers of workers use it.",
  });
  const present = metrics.gauge({ name: "uncouple_workers_present", help: "Workers that are present." });
  const audits = metrics.counter({
    name: "uncouple_worker_audits_total",
    help: "Units that were compared with a second run.",
  });
  const mismatches = metrics.counter({
    name: "uncouple_worker_mismatches_total",
    help: "Units for which two executors brought different results.",
  });
  const quarantined = metrics.counter({
    name: "uncouple_workers_quarantined_total",
    help: "Workers shut out because they returned a wrong result.",
  });
  const refused = metrics.counter({
    name: "uncouple_workers_refused_total",
    help: "Workers not admitted to a program: they have no engine of its numerics class, or their probe differs.",
    labels: ["by"],
  });
  const unitSeconds = metrics.histogram({
    name: "uncouple_worker_unit_seconds",
    help: "Time that units computed, by who ran them.",
    labels: ["by"],
    buckets: UNIT_BUCKETS,
  });
  const deviceSeconds = metrics.counter({
    name: "uncouple_worker_device_seconds_total",
    help: "Time that workers and the trainer computed for this team, in seconds.",
    labels: ["by"],
  });
  const overheadSeconds = metrics.counter({
    name: "uncouple_worker_overhead_seconds_total",
    help: "Time of workers' units beyond computing, in seconds: fetching, sending, waiting.",
  });
  const bytes = metrics.counter({
    name: "uncouple_worker_exchange_bytes_total",
    help: "Bytes sent to workers and received from them.",
    labels: ["direction"],
  });
  const exchangeSeconds = metrics.counter({
    name: "uncouple_worker_exchange_seconds_total",
    help: "Time that results took to arrive, in seconds.",
  });
  // Prometheus misses the first increment of a series that did not exist before.
  for (const fate of FATES) fates.inc({ fate }, 0);
  for (const by of ["class", "probe"]) refused.inc({ by }, 0);
  for (const by of ["worker", "trainer"]) deviceSeconds.inc({ by }, 0);
  for (const direction of ["sent", "received"]) bytes.inc({ direction }, 0);

  let before: CoordinatorMetrics["counters"] | undefined;
  function update(): void {
    const now = read();
    if (now === undefined) return;
    const { counters } = now;
    const grown = (name: keyof typeof counters) => counters[name] - (before?.[name] ?? 0);
    leased.inc(grown("leased"));
    for (const fate of FATES) fates.inc({ fate }, grown(fate));
    audits.inc(grown("audits"));
    mismatches.inc(grown("mismatches"));
    quarantined.inc(grown("quarantined"));
    refused.inc({ by: "class" }, grown("refusedByClass"));
    refused.inc({ by: "probe" }, grown("refusedByProbe"));
    inFlight.set(now.inFlight);
    waiting.set(now.waiting);
    present.set(now.present);
    before = counters;
  }

  return {
    ran({ by, seconds, overheadSeconds: beyond }) {
      unitSeconds.observe({ by }, seconds);
      deviceSeconds.inc({ by }, seconds);
      if (by === "worker") overheadSeconds.inc(beyond);
    },
    exchanged(direction, count, seconds) {
      bytes.inc({ direction }, count);
      if (seconds !== undefined) exchangeSeconds.inc(seconds);
    },
  };
}
