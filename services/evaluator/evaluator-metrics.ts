import { settlesWithin } from "../common/async/settles-within.ts";
import type { ColumnDrift } from "../data/table/column-drift.ts";
import { QUARANTINE_REASONS, type QuarantineReason, VERDICT_KINDS, type Verdict } from "../pipeline/verdict.ts";
import type { StoreUsage } from "../registry/usage.ts";
import { type Metrics, SCRAPE_TIMEOUT_MS, workBuckets } from "../runtime/metrics.ts";
import { exportConsistencyGaps, type GapGauges } from "./gap-metrics.ts";
import { createLossMetrics, type LossGauges, type LossMetrics } from "./loss-metrics.ts";

export interface EvaluatorMetrics extends LossMetrics {
  /** Records the outcome and duration of handling one announcement. */
  handled(outcome: "verdict" | "quarantine" | "failure", seconds: number): void;
  /** Counts a verdict that this process appended. */
  judged(verdict: Verdict): void;
  /** Counts a quarantine that this process appended. */
  quarantined(component: string, reason: QuarantineReason): void;
  /** Counts one pass of a snapshot over the held-out rows. */
  passed(component: string): void;
  /** Counts a model that this process deleted by policy. */
  deleted(component: string, bytes: number): void;
  /** Sets whether a component of another pipeline has the snapshot that its owner uses. */
  linked(component: string, isNewest: boolean | undefined): void;
  /** Sets how full the stores are. */
  stored(usage: StoreUsage): void;
  /** Sets whether the server syncs before it acknowledges; undefined: unknown. */
  synced(always: boolean | undefined): void;
  /** Sets the drift of the columns that a component reads; those that are absent have none. */
  drifted(component: string, drifts: ReadonlyMap<string, ColumnDrift>): void;
}

export interface EvaluatorGauges extends LossGauges, GapGauges {
  pending(): Promise<number>;
  cachedBytes(): { readonly outputs: number; readonly models: number };
  /** When a component's newest snapshot was published, in ISO 8601; undefined for none. */
  publishedAt(component: string): string | undefined;
}

/** Label of all components that the pipeline file does not have. Their number is unbounded: anyone can announce one. */
const UNKNOWN_COMPONENT = "(unknown)";

/** @param components names of the pipeline's components: the values of the label `component` */
export function createEvaluatorMetrics(
  metrics: Metrics,
  components: readonly string[],
  gauges: EvaluatorGauges,
): EvaluatorMetrics {
  const labelOf = (component: string) => (components.includes(component) ? component : UNKNOWN_COMPONENT);
  const duration = metrics.histogram({
    name: "uncouple_evaluation_duration_seconds",
    help: "Time to handle one announcement, by outcome.",
    labels: ["outcome"],
    buckets: workBuckets,
  });
  const verdicts = metrics.counter({
    name: "uncouple_verdicts_total",
    help: "Verdicts published by this evaluator, by component and kind.",
    labels: ["component", "kind"],
  });
  const quarantines = metrics.counter({
    name: "uncouple_quarantines_total",
    help: "Snapshots quarantined by this evaluator, by component and reason.",
    labels: ["component", "reason"],
  });
  const failedTests = metrics.counter({
    name: "uncouple_model_tests_failed_total",
    help: "Failed tests of models in verdicts of this evaluator, by the snapshot's component and on_failure; quarantines as failed-test are counted there.",
    labels: ["component", "on_failure"],
  });
  // Prometheus misses the first increment of a series that did not exist before.
  for (const component of components) {
    for (const kind of VERDICT_KINDS) verdicts.inc({ component, kind }, 0);
    for (const reason of QUARANTINE_REASONS) quarantines.inc({ component, reason }, 0);
    for (const on_failure of ["warn", "refuse"]) failedTests.inc({ component, on_failure }, 0);
  }
  for (const outcome of ["verdict", "quarantine", "failure"]) duration.zero({ outcome });
  quarantines.inc({ component: UNKNOWN_COMPONENT, reason: "wrong-output" }, 0);
  const deletedModels = metrics.counter({
    name: "uncouple_models_deleted_total",
    help: "Models that this evaluator deleted by the pipeline file's retention policy, by component.",
    labels: ["component"],
  });
  const deletedBytes = metrics.counter({
    name: "uncouple_models_deleted_bytes_total",
    help: "Size of the models that this evaluator deleted by the pipeline file's retention policy.",
  });
  const storedBytes = metrics.gauge({
    name: "uncouple_store_bytes",
    help: "Bytes in each of the pipeline's streams, and in the storage of the account on the NATS server.",
    labels: ["store"],
  });
  const storeLimit = metrics.gauge({
    name: "uncouple_store_limit_bytes",
    help: "Limits of these stores; absent where there is none, or clients cannot see it.",
    labels: ["store"],
  });
  const copiesBehind = metrics.gauge({
    name: "uncouple_store_copies_behind",
    help: "Copies of the pipeline's streams whose NATS server is offline or behind; 0 without a cluster.",
  });
  const syncsAlways = metrics.gauge({
    name: "uncouple_store_syncs_always",
    help: "1 if the NATS server syncs to disk before it acknowledges, else 0; absent without --nats-monitor.",
  });
  syncsAlways.remove();
  const passes = metrics.counter({
    name: "uncouple_evaluation_passes_total",
    help: "Passes of a snapshot over the held-out rows, by component; cache hits are not counted.",
    labels: ["component"],
  });
  const inputDrift = metrics.gauge({
    name: "uncouple_input_drift",
    help: "How much a column of the held-out rows differs from the rows that a component's snapshot in use was trained on: Population Stability Index, less its mean without drift; absent if unknown.",
    labels: ["component", "column"],
  });
  const inputOutside = metrics.gauge({
    name: "uncouple_input_outside",
    help: "Share of held-out rows whose value of a column is outside the 0.1 to 99.9 % range, or the texts, of those rows.",
    labels: ["component", "column"],
  });
  /** Columns with a drift, by component. */
  const drifting = new Map<string, readonly string[]>();
  const linked = metrics.gauge({
    name: "uncouple_shared_component_linked",
    help: "1 if a component of another pipeline has the snapshot that its owner uses, 0 if something prevents it; only from the evaluator that links.",
    labels: ["component"],
  });
  exportConsistencyGaps(metrics, gauges);
  const losses = createLossMetrics(metrics, components, gauges);
  metrics.gauge({
    name: "uncouple_announcements_pending",
    help: "Announcements that no evaluator has finished yet.",
    collect: async (gauge) => {
      const asked = gauges.pending().catch(() => undefined);
      // Unknown is not 0: the gauge keeps its last value.
      if (!(await settlesWithin(gauges.clock, SCRAPE_TIMEOUT_MS, asked, { keepsAlive: false }))) return;
      const pending = await asked;
      if (pending !== undefined) gauge.set(pending);
    },
  });
  metrics.gauge({
    name: "uncouple_snapshot_age_seconds",
    help: "Time since a component's newest snapshot was published; absent before the first.",
    labels: ["component"],
    collect: (gauge) => {
      for (const component of components) {
        const published = gauges.publishedAt(component);
        if (published !== undefined) gauge.set({ component }, (gauges.clock.now() - Date.parse(published)) / 1000);
      }
    },
  });
  metrics.gauge({
    name: "uncouple_evaluator_cache_bytes",
    help: "Memory held by composed outputs and loaded models.",
    labels: ["kind"],
    collect: (gauge) => {
      const { outputs, models } = gauges.cachedBytes();
      gauge.set({ kind: "outputs" }, outputs);
      gauge.set({ kind: "models" }, models);
    },
  });

  return {
    ...losses,
    handled: (outcome, seconds) => duration.observe({ outcome }, seconds),
    judged({ component, kind, tests = [] }) {
      verdicts.inc({ component, kind });
      for (const { passed, onFailure } of tests) {
        if (!passed) failedTests.inc({ component, on_failure: onFailure === "refuse" ? "refuse" : "warn" });
      }
    },
    quarantined: (name, reason) => quarantines.inc({ component: labelOf(name), reason }),
    deleted(name, bytes) {
      deletedModels.inc({ component: labelOf(name) });
      deletedBytes.inc(bytes);
    },
    linked(component, isNewest) {
      if (isNewest === undefined) linked.remove({ component });
      else linked.set({ component }, isNewest ? 1 : 0);
    },
    stored(usage) {
      const { models, server, logs } = usage;
      for (const [store, { used, limit }] of Object.entries({ models, server, ...logs })) {
        storedBytes.set({ store }, used);
        if (limit === null) storeLimit.remove({ store });
        else storeLimit.set({ store }, limit);
      }
      copiesBehind.set(usage.copiesBehind);
    },
    synced(always) {
      if (always === undefined) syncsAlways.remove();
      else syncsAlways.set(always ? 1 : 0);
    },
    passed: (component) => passes.inc({ component }),
    drifted(component, drifts) {
      for (const column of drifting.get(component) ?? []) {
        inputDrift.remove({ component, column });
        inputOutside.remove({ component, column });
      }
      for (const [column, { index, outside }] of drifts) {
        inputDrift.set({ component, column }, index);
        inputOutside.set({ component, column }, outside);
      }
      drifting.set(component, [...drifts.keys()]);
    },
  };
}
