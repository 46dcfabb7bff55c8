import { RUNNING_ENGINES } from "../engine/interface/engine.ts";
import { ENDED_STATES, RUN_TRIGGERS, type Run, type RunState } from "../pipeline/run.ts";
import { byteBuckets, type Metrics, workBuckets } from "../runtime/metrics.ts";
import type { RunMetrics } from "./runs/execute-run.ts";

export interface TrainerMetrics extends RunMetrics {
  /** Counts a run that has ended. */
  ended(run: Run): void;
}

export interface TrainerGauges {
  /** State of the run in progress. */
  state(): RunState | "idle";
  /** Number of queued runs. */
  queued(): number;
  /** As `upstreamLag`. */
  lag(): Readonly<Record<string, number>>;
  /** Whether the component has started and accepts runs. */
  ready(): boolean;
}

export function createTrainerMetrics(metrics: Metrics, gauges: TrainerGauges): TrainerMetrics {
  const steps = metrics.counter({
    name: "uncouple_training_steps_total",
    help: "Training steps completed by this process.",
  });
  const rate = metrics.gauge({
    name: "uncouple_training_steps_per_second",
    help: "Rate of the training in progress; 0 when idle.",
  });
  const loss = metrics.gauge({
    name: "uncouple_training_loss",
    help: "Mean training loss over the latest chunk of steps, on standardized outputs.",
  });
  // Before the first step there is no loss, and 0 would look like a perfect model.
  loss.remove();
  const publish = metrics.histogram({
    name: "uncouple_snapshot_publish_seconds",
    help: "Time to publish a snapshot, including outages waited out.",
    buckets: workBuckets,
  });
  const size = metrics.histogram({
    name: "uncouple_snapshot_bytes",
    help: "Sizes of published ONNX models.",
    buckets: byteBuckets,
  });
  const checkpoint = metrics.histogram({
    name: "uncouple_checkpoint_seconds",
    help: "Time to write a checkpoint.",
    buckets: workBuckets,
  });
  const runs = metrics.counter({
    name: "uncouple_runs_total",
    help: "Runs that have ended, by final state and trigger.",
    labels: ["state", "trigger"],
  });
  // Prometheus misses the first increment of a series that did not exist before.
  for (const state of ENDED_STATES) for (const trigger of RUN_TRIGGERS) runs.inc({ state, trigger }, 0);
  const trainings = metrics.counter({
    name: "uncouple_trainings_total",
    help: "Trainings started or resumed, by the engine that runs them and why: selected, gpu, estimate, unsupported or memory.",
    labels: ["engine", "reason"],
  });
  for (const [engine, reasons] of Object.entries(RUNNING_ENGINES)) {
    for (const reason of reasons) trainings.inc({ engine, reason }, 0);
  }
  metrics.states<RunState | "idle">({
    name: "uncouple_run_state",
    help: "1 for the state of the run in progress, or for idle; 0 for the other states.",
    states: ["idle", "queued", "waiting", "running", "publishing"],
    read: gauges.state,
  });
  metrics.gauge({
    name: "uncouple_component_ready",
    help: "1 if the trainer of the component has started and accepts runs, otherwise 0.",
    collect: (gauge) => gauge.set(gauges.ready() ? 1 : 0),
  });
  metrics.gauge({
    name: "uncouple_run_queue_length",
    help: "Queued runs.",
    collect: (gauge) => gauge.set(gauges.queued()),
  });
  metrics.gauge({
    name: "uncouple_upstream_lag",
    help: "Snapshots that an upstream has published since the one the newest own snapshot was trained on.",
    labels: ["upstream"],
    collect: (gauge) => {
      for (const [upstream, lag] of Object.entries(gauges.lag())) gauge.set({ upstream }, lag);
    },
  });

  return {
    started: (engine, reason) => trainings.inc({ engine, reason }),
    trained(count, mean, stepsPerSecond) {
      steps.inc(count);
      loss.set(mean);
      rate.set(stepsPerSecond);
    },
    published(seconds, bytes) {
      publish.observe(seconds);
      size.observe(bytes);
    },
    checkpointed: (seconds) => checkpoint.observe(seconds),
    ended({ state, trigger }) {
      runs.inc({ state, trigger });
      rate.set(0);
    },
  };
}
