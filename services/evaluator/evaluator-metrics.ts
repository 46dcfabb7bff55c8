import { settlesWithin } from "../common/async/settles-within.ts";
import type { Clock } from "../common/clock/clock.ts";
import type { ColumnDrift } from "../data/table/column-drift.ts";
import type { HeldOutGeneration } from "../pipeline/generation.ts";
import type { QuestionCount } from "../pipeline/questions.ts";
import {
  type ConsistencyGap,
  type MeasuredGaps,
  QUARANTINE_REASONS,
  type QuarantineReason,
  VERDICT_KINDS,
  type Verdict,
} from "../pipeline/verdict.ts";
import type { StoreUsage } from "../registry/usage.ts";
import { type Metrics, workBuckets } from "../runtime/metrics.ts";

export interface EvaluatorMetrics {
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
  /** Sets how full the stores are. */
  stored(usage: StoreUsage): void;
  /** Sets whether the server syncs before it acknowledges; undefined: unknown. */
  synced(always: boolean | undefined): void;
  /** Sets the generation of held-out rows in use. Losses of earlier ones are removed. */
  generation(generation: HeldOutGeneration): void;
  /** Sets the newest losses, from any evaluator's verdict; not from one on an earlier generation of held-out rows. */
  losses(verdict: Verdict, candidateLoss?: number | null): void;
  /** Sets the drift of the columns that a component reads; those that are absent have none. */
  drifted(component: string, drifts: ReadonlyMap<string, ColumnDrift>): void;
}

export interface EvaluatorGauges {
  readonly clock: Clock;
  readonly questions: Pick<QuestionCount, "of">;
  /** `VerdictPolicy.horizon`. */
  readonly horizon: number | undefined;
  pending(): Promise<number>;
  cachedBytes(): { readonly outputs: number; readonly models: number };
  /** When a component's newest snapshot was published, in ISO 8601; undefined for none. */
  publishedAt(component: string): string | undefined;
  /** The consistency gaps of what is in use; undefined if they cannot be measured. */
  gaps(): Promise<MeasuredGaps | undefined>;
}

/** Scrapes must not wait for what does not respond. */
const SCRAPE_TIMEOUT_MS = 1_000;

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
  // Prometheus misses the first increment of a series that did not exist before.
  for (const component of components) {
    for (const kind of VERDICT_KINDS) verdicts.inc({ component, kind }, 0);
    for (const reason of QUARANTINE_REASONS) quarantines.inc({ component, reason }, 0);
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
  const pipelineLoss = metrics.gauge({
    name: "uncouple_pipeline_loss",
    help: "Pipeline loss on held-out rows in a component's newest verdict, with its current and candidate snapshots.",
    labels: ["component", "role"],
  });
  const componentLoss = metrics.gauge({
    name: "uncouple_component_loss",
    help: "A component's own loss on held-out rows in its newest verdict, for its current and candidate snapshots.",
    labels: ["component", "role"],
  });
  const objectiveLoss = metrics.gauge({
    name: "uncouple_objective_loss",
    help: "Loss of each objective, without its weight, in a component's newest verdict; absent if there is only one objective.",
    labels: ["component", "objective", "role"],
  });
  const objectiveFlips = metrics.gauge({
    name: "uncouple_objective_negative_flip_rate",
    help: "As uncouple_negative_flip_rate, of each objective that predicts classes; absent if there is only one objective.",
    labels: ["component", "objective"],
  });
  const worstSlice = metrics.gauge({
    name: "uncouple_worst_slice_change",
    help: "Relative change of the pipeline loss on the worst slice of a component's newest verdict; absent without slices.",
    labels: ["component"],
  });
  const degradedSlices = metrics.gauge({
    name: "uncouple_degraded_slices",
    help: "Slices that a component's newest verdict calls degraded; absent without slices.",
    labels: ["component"],
  });
  const interfaceShift = metrics.gauge({
    name: "uncouple_interface_shift",
    help: "Mean distance between the outputs of a component's newest candidate and of its current snapshot on held-out rows, in standard deviations of the current one; absent unless others read it.",
    labels: ["component"],
  });
  const interfaceOutside = metrics.gauge({
    name: "uncouple_interface_outside",
    help: "Share of held-out rows that a component's newest candidate moved out of the 0.1 to 99.9 % range of the current output; absent unless others read it.",
    labels: ["component"],
  });
  const recovered = metrics.gauge({
    name: "uncouple_adapter_recovered",
    help: "Share of the harm of a component's newest candidate that an affine adapter removes; absent unless tested.",
    labels: ["component"],
  });
  const flips = metrics.gauge({
    name: "uncouple_negative_flip_rate",
    help: "Share of held-out rows right before and wrong with a component's newest candidate; absent unless the pipeline predicts classes.",
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
  exportConsistencyGaps(metrics, gauges);
  /** Of the losses; 0 for verdicts that do not say it. */
  let generation = 0;
  const advance = (to: number): boolean => {
    if (to < generation) return false;
    if (to > generation) {
      for (const component of components) {
        for (const role of ["current", "candidate"]) {
          pipelineLoss.remove({ component, role });
          componentLoss.remove({ component, role });
        }
        for (const gauge of [worstSlice, degradedSlices, flips, interfaceShift, interfaceOutside, recovered]) {
          gauge.remove({ component });
        }
        for (const objective of components) {
          objectiveFlips.remove({ component, objective });
          for (const role of ["current", "candidate"]) objectiveLoss.remove({ component, objective, role });
        }
      }
    }
    generation = to;
    return true;
  };
  const generationNumber = metrics.gauge({
    name: "uncouple_held_out_generation",
    help: "Number of the generation of held-out rows in use; losses of different generations cannot be compared.",
  });
  generationNumber.remove();
  let asked: number | undefined;
  metrics.gauge({
    name: "uncouple_held_out_questions",
    help: "Verdicts given on the generation of held-out rows in use.",
    labels: ["generation"],
    collect(gauge) {
      if (asked !== undefined && asked !== generation) gauge.remove({ generation: String(asked) });
      if (generation === 0) return;
      asked = generation;
      gauge.set({ generation: String(asked) }, gauges.questions.of(asked));
    },
  });
  const horizon = metrics.gauge({
    name: "uncouple_held_out_horizon",
    help: "Verdicts that the pipeline file declares a generation of held-out rows good for; absent without a horizon.",
  });
  if (gauges.horizon === undefined) horizon.remove();
  else horizon.set(gauges.horizon);
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
    handled: (outcome, seconds) => duration.observe({ outcome }, seconds),
    judged: ({ component, kind }) => verdicts.inc({ component, kind }),
    quarantined: (name, reason) => quarantines.inc({ component: labelOf(name), reason }),
    deleted(name, bytes) {
      deletedModels.inc({ component: labelOf(name) });
      deletedBytes.inc(bytes);
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
    generation({ generation: number, current, loss }) {
      const isNew = number > generation;
      advance(number);
      generationNumber.set(number);
      if (!isNew || loss === null) return;
      for (const component of components) {
        if (current[component] !== undefined) pipelineLoss.set({ component, role: "current" }, loss);
      }
    },
    losses(verdict, candidateLoss) {
      if (!advance(verdict.heldOut?.generation ?? 0)) return;
      const { component, comparison, interfaceShift: shift } = verdict;
      // Verdicts may name a component that was since removed from the pipeline file.
      if (!components.includes(component)) return;
      const set = (gauge: typeof pipelineLoss, role: "current" | "candidate", loss: number | null | undefined) => {
        if (loss !== null && loss !== undefined) gauge.set({ component, role }, loss);
      };
      // An earlier candidate's loss must not stand in for one that has none.
      if (verdict.reason === "not-finite") pipelineLoss.remove({ component, role: "candidate" });
      set(pipelineLoss, "current", comparison?.currentLoss);
      set(pipelineLoss, "candidate", comparison?.candidateLoss ?? candidateLoss);
      // A value of an earlier verdict must not stand in for one that this verdict does not have.
      const replace = <L extends string>(
        gauge: ReturnType<typeof metrics.gauge<NoInfer<L>>>,
        labels: Record<L, string>,
        value: number | null | undefined,
      ) => {
        if (value === null || value === undefined) gauge.remove(labels);
        else gauge.set(labels, value);
      };
      replace(worstSlice, { component }, comparison?.worstSlice?.relative);
      replace(degradedSlices, { component }, comparison?.slices?.filter(({ kind }) => kind === "degraded").length);
      replace(flips, { component }, comparison?.negativeFlips?.rate);
      replace(interfaceShift, { component }, shift?.shift);
      // What an output leaves of its own range is no news: in wide outputs, most rows have such a coordinate.
      const left = shift && Math.max(0, shift.outside.candidate - shift.outside.current);
      replace(interfaceOutside, { component }, left);
      replace(recovered, { component }, shift?.adapter?.recovered);
      for (const objective of components) {
        const found = comparison?.objectives?.find((one) => one.component === objective);
        replace(objectiveLoss, { component, objective, role: "current" }, found?.currentLoss);
        replace(objectiveLoss, { component, objective, role: "candidate" }, found?.candidateLoss);
        replace(objectiveFlips, { component, objective }, found?.negativeFlips?.rate);
      }
      set(componentLoss, "current", verdict.componentLoss.current);
      set(componentLoss, "candidate", verdict.componentLoss.candidate);
    },
  };
}

/** The gaps as fractions of the loss, and the lower ends of their intervals, by which an alert can ask for a sure one. */
function exportConsistencyGaps(metrics: Metrics, { clock, gaps }: EvaluatorGauges): void {
  const add = (name: string, help: string, endOf: (gap: ConsistencyGap) => number) =>
    metrics.gauge({
      name,
      help,
      labels: ["upstream", "downstream"],
      collect: async (gauge) => {
        const asked = gaps().then(
          (measured) => ({ gaps: measured?.gaps ?? [] }),
          () => undefined,
        );
        // While the hosts are busy or the store is away, the gauge keeps its last values.
        if (!(await settlesWithin(clock, SCRAPE_TIMEOUT_MS, asked, { keepsAlive: false }))) return;
        const measured = await asked;
        if (measured === undefined) return;
        gauge.reset();
        for (const gap of measured.gaps) {
          const { upstream, downstream, currentLoss } = gap;
          if (currentLoss !== 0) gauge.set({ upstream, downstream }, endOf(gap) / Math.abs(currentLoss));
        }
      },
    });
  add(
    "uncouple_consistency_gap",
    "Relative change of the pipeline loss on annotated held-out rows if the upstream's output became right, for the snapshots in use; absent without audit.held_out.",
    ({ gap }) => gap,
  );
  add(
    "uncouple_consistency_gap_low",
    "Lower end of the interval of uncouple_consistency_gap.",
    ({ interval }) => interval[0],
  );
}
