/** Input series of a rule test, in promtool's notation: one value a minute. */
export type Series = Readonly<Record<string, string>>;

export interface AlertCase {
  /** Labels of the alert beside its severity. */
  readonly labels: Readonly<Record<string, string>>;
  /** When to look. */
  readonly at: string;
  /** Values with which the alert fires by then. */
  readonly fires: Series;
  /** Values, close to these, with which it is silent. */
  readonly silent: Series;
}

const m1 = { pipeline: "p", component: "m1" };
const trainer = { ...m1, service: "trainer" };
const own = 'pipeline="p",component="m1",service="trainer"';
const evaluator = 'pipeline="p",service="evaluator"';
const verdicts = (kind: string, instance = "a") =>
  `uncouple_verdicts_total{${evaluator},component="m1",kind="${kind}",instance="${instance}"}`;
const ofM1 = (metric: string, instance = "a") => `${metric}{${evaluator},component="m1",instance="${instance}"}`;
const column = (metric: string, name: string) => `${metric}{${evaluator},component="m1",column="${name}"}`;
const gap = (instance: string, end = "_low") =>
  `uncouple_consistency_gap${end}{${evaluator},upstream="m1",downstream="m2",instance="${instance}"}`;
const ofPipeline = (metric: string, instance = "a") => `${metric}{${evaluator},instance="${instance}"}`;
const releaseLoss = (generation: number, instance = "a") =>
  `uncouple_release_loss{${evaluator},generation="${generation}",instance="${instance}"}`;
const served = (instance: string) => `uncouple_release_served{${evaluator},follower="edge",instance="${instance}"}`;
const outcome = (of: string) => `uncouple_evaluation_duration_seconds_count{${evaluator},outcome="${of}"}`;

/** Each alert, and what makes it fire and keeps it silent. */
export const cases: Readonly<Record<string, AlertCase>> = {
  UncouplePipelineLossRegressed: {
    labels: { ...m1, kind: "degraded" },
    at: "12m",
    // One of two evaluators has judged it.
    fires: { [verdicts("degraded", "a")]: "4x30", [verdicts("degraded", "b")]: "0x9 1x20" },
    // An old one, a restart of the evaluator, and updates that improve.
    silent: { [verdicts("degraded", "a")]: "4x5 0x20", [verdicts("improved")]: "0+1x30" },
  },
  UncoupleSelfDefeatingUpdate: {
    labels: { ...m1, kind: "self-defeating" },
    at: "12m",
    fires: { [verdicts("self-defeating")]: "0x9 1x20" },
    silent: { [verdicts("self-defeating")]: "2x30", [verdicts("degraded")]: "0+1x30" },
  },
  UncoupleSliceDegraded: {
    labels: m1,
    at: "5m",
    // One of two evaluators is behind.
    fires: { [ofM1("uncouple_degraded_slices")]: "0x30", [ofM1("uncouple_degraded_slices", "b")]: "0x3 1x20" },
    silent: { [ofM1("uncouple_degraded_slices")]: "2x3 0x20", [ofM1("uncouple_worst_slice_change")]: "0.5x30" },
  },
  UncoupleNegativeFlips: {
    labels: m1,
    at: "5m",
    fires: { [ofM1("uncouple_negative_flip_rate")]: "0.051x30" },
    silent: { [ofM1("uncouple_negative_flip_rate")]: "0.2x3 0.05x30" },
  },
  UncoupleInterfaceShifted: {
    labels: m1,
    at: "5m",
    fires: { [ofM1("uncouple_interface_outside")]: "0x3 0.11x30" },
    // A long way within the old range.
    silent: { [ofM1("uncouple_interface_outside")]: "0.1x30", [ofM1("uncouple_interface_shift")]: "3x30" },
  },
  UncoupleInputDrift: {
    labels: { ...m1, column: "age" },
    at: "15m",
    fires: { [column("uncouple_input_drift", "age")]: "0.26x30", [column("uncouple_input_drift", "size")]: "0x30" },
    silent: {
      [column("uncouple_input_drift", "age")]: "1x8 0.24x30",
      [column("uncouple_input_outside", "age")]: "0.5x30",
    },
  },
  UncoupleUpdatesChangeNothing: {
    labels: { ...m1, kind: "equivalent" },
    at: "12h",
    // One an hour, half of them by another evaluator, which also judged others.
    fires: {
      [verdicts("equivalent", "a")]: "0x60 1x120 2x120 3x120 4x120 5x120 6x120",
      [verdicts("equivalent", "b")]: "0x120 1x120 2x120 3x120 4x120 5x120",
      [verdicts("improved", "a")]: "0x800",
      'uncouple_verdicts_total{pipeline="p",service="evaluator",component="m2",kind="improved",instance="a"}':
        "0+1x800",
    },
    // As many, and one that improved.
    silent: {
      [verdicts("equivalent", "a")]: "0x60 1x120 2x120 3x120 4x120 5x120 6x120",
      [verdicts("equivalent", "b")]: "0x120 1x120 2x120 3x120 4x120 5x120",
      [verdicts("improved", "b")]: "0x200 1x600",
    },
  },
  UncoupleConsistencyGap: {
    labels: { pipeline: "p", upstream: "m1", downstream: "m2" },
    at: "20m",
    fires: { [gap("a")]: "0.06x30", [gap("b")]: "0.3x30" },
    // One evaluator still shows an earlier composition; and a gap that is large, but not sure.
    silent: { [gap("a")]: "0.06x30", [gap("b")]: "0.04x30", [gap("a", "")]: "0.5x30" },
  },
  UncoupleSnapshotQuarantined: {
    labels: { ...m1, reason: "not-finite" },
    at: "12m",
    fires: { [`uncouple_quarantines_total{${evaluator},component="m1",reason="not-finite"}`]: "0x9 1x20" },
    silent: { [`uncouple_quarantines_total{${evaluator},component="m1",reason="not-finite"}`]: "1x30" },
  },
  UncoupleSharedComponentNotLinked: {
    labels: m1,
    at: "20m",
    fires: { [ofM1("uncouple_shared_component_linked")]: "1x2 0x30" },
    // One that an update of the file repairs, and one whose lease another evaluator has taken.
    silent: {
      [ofM1("uncouple_shared_component_linked")]: "0x8 1x8 stale",
      [ofM1("uncouple_shared_component_linked", "b")]: "_x17 1x20",
    },
  },
  UncoupleHeldOutRowsWornOut: {
    labels: { pipeline: "p" },
    at: "12m",
    fires: {
      [`uncouple_held_out_questions{${evaluator},generation="1",instance="a"}`]: "200x9 201x20",
      [`uncouple_held_out_questions{${evaluator},generation="1",instance="b"}`]: "200x30",
      [`uncouple_held_out_horizon{${evaluator},instance="a"}`]: "200x30",
    },
    // At the horizon; then a new generation.
    silent: {
      [`uncouple_held_out_questions{${evaluator},generation="1",instance="a"}`]: "200x9 201x1 stale",
      [`uncouple_held_out_questions{${evaluator},generation="2",instance="a"}`]: "_x10 1x20",
      [`uncouple_held_out_horizon{${evaluator},instance="a"}`]: "200x30",
    },
  },
  UncoupleReleaseNotServed: {
    labels: { pipeline: "p", follower: "edge" },
    at: "40m",
    // One of two evaluators was added meanwhile, and another follower is up to date.
    fires: {
      [ofPipeline("uncouple_release_number", "a")]: "7x2 8x60",
      [ofPipeline("uncouple_release_number", "b")]: "_x20 8x60",
      [served("a")]: "7x60",
      [served("b")]: "_x20 7x60",
      [`uncouple_release_served{${evaluator},follower="other",instance="a"}`]: "8x60",
    },
    // A release every five minutes, and a follower that is always one behind.
    silent: {
      [ofPipeline("uncouple_release_number", "a")]: "7x5 8x5 9x5 10x5 11x5 12x5 13x5 14x5 15x5",
      [served("a")]: "6x5 7x5 8x5 9x5 10x5 11x5 12x5 13x5 14x5",
    },
  },
  UncoupleReleaseLossAboveBest: {
    labels: { pipeline: "p", generation: "1" },
    at: "30m",
    // Losses of an objective may be negative.
    fires: { [releaseLoss(1, "a")]: "-1x5 -0.98x40", [releaseLoss(1, "b")]: "-1x5 -0.98x40" },
    // Within one percent; then other held-out rows, on which the loss is higher.
    silent: { [releaseLoss(1)]: "0.5x5 0.504x5 stale", [releaseLoss(2)]: "_x11 0.7x40" },
  },
  UncoupleGateNotDeciding: {
    labels: m1,
    at: "20m",
    fires: { [ofM1("uncouple_gate_waiting")]: "0x2 1x30", [ofPipeline("uncouple_gate_holder")]: "0x40" },
    // One after the other, and many that are decided and held.
    silent: { [ofM1("uncouple_gate_waiting")]: "2x8 0x1 1x30", [ofM1("uncouple_gate_held")]: "9x40" },
  },
  UncoupleCandidateHeld: {
    labels: m1,
    at: "20m",
    // One of two evaluators has just started.
    fires: {
      [ofM1("uncouple_gate_held_age_seconds", "a")]: "86401+60x30",
      [ofM1("uncouple_gate_held_age_seconds", "b")]: "0x30",
    },
    silent: { [ofM1("uncouple_gate_held_age_seconds")]: "86401+60x5 80000+60x30" },
  },
  UncoupleGateQuestionsNearlySpent: {
    labels: { pipeline: "p" },
    at: "12m",
    fires: {
      [ofPipeline("uncouple_gate_questions_left", "a")]: "20x9 19x20",
      [ofPipeline("uncouple_gate_questions_left", "b")]: "20x30",
      [ofPipeline("uncouple_gate_horizon", "a")]: "200x30",
    },
    // A tenth, and then none, which is another alert.
    silent: {
      [ofPipeline("uncouple_gate_questions_left")]: "20x9 0x20",
      [ofPipeline("uncouple_gate_horizon")]: "200x30",
    },
  },
  UncoupleGateQuestionsSpent: {
    labels: { pipeline: "p" },
    at: "12m",
    fires: { [ofPipeline("uncouple_gate_questions_left")]: "1x3 0x20" },
    // The reserve rows are opened.
    silent: { [ofPipeline("uncouple_gate_questions_left")]: "1x3 0x4 200x20" },
  },
  UncoupleSnapshotStale: {
    labels: m1,
    at: "50m",
    fires: { [`uncouple_snapshot_age_seconds{${evaluator},component="m1",instance="a"}`]: "604801+60x60" },
    // One evaluator lags behind the other, which has seen the new snapshot.
    silent: {
      [`uncouple_snapshot_age_seconds{${evaluator},component="m1",instance="a"}`]: "604801+60x60",
      [`uncouple_snapshot_age_seconds{${evaluator},component="m1",instance="b"}`]: "10+60x60",
    },
  },
  UncoupleTrainerFailing: {
    labels: { ...m1, state: "failed" },
    at: "12m",
    fires: { [`uncouple_runs_total{${own},state="failed",trigger="request"}`]: "0x9 1x20" },
    silent: {
      [`uncouple_runs_total{${own},state="failed",trigger="request"}`]: "1x30",
      [`uncouple_runs_total{${own},state="succeeded",trigger="request"}`]: "0+1x30",
    },
  },
  UncoupleComponentNotReady: {
    labels: m1,
    at: "14m",
    // The other component of the process trains.
    fires: {
      [`uncouple_component_ready{${own},instance="a"}`]: "1x2 0x30",
      'uncouple_component_ready{pipeline="p",component="m2",service="trainer",instance="a"}': "1x30",
    },
    // One that starts late, and one whose component has moved to another process.
    silent: {
      [`uncouple_component_ready{${own},instance="a"}`]: "0x9 1x30",
      'uncouple_component_ready{pipeline="p",component="m2",service="trainer",instance="a"}': "0x30",
      'uncouple_component_ready{pipeline="p",component="m2",service="trainer",instance="b"}': "1x30",
    },
  },
  UncoupleServiceCrashLooping: {
    labels: trainer,
    at: "20m",
    fires: { [`process_start_time_seconds{${own}}`]: "100x4 200x4 300x4 400x10" },
    // Two restarts, and four evaluators that an autoscaler added.
    silent: {
      [`process_start_time_seconds{${own}}`]: "100x4 200x4 300x20",
      ...Object.fromEntries(
        ["a", "b", "c", "d"].map((pod, i) => [
          `process_start_time_seconds{${evaluator},instance="${pod}"}`,
          `_x${3 * i} ${100 + i}x30`,
        ]),
      ),
    },
  },
  UncoupleServiceDown: {
    labels: { job: "uncouple", instance: "a:9464" },
    at: "12m",
    fires: { 'up{job="uncouple",instance="a:9464"}': "1x4 0x20" },
    silent: { 'up{job="uncouple",instance="a:9464"}': "1x4 0x3 1x20", 'up{job="other",instance="b"}': "0x30" },
  },
  UncoupleNatsUnreachable: {
    labels: trainer,
    at: "12m",
    fires: { [`uncouple_nats_connection_state{${own},state="connected"}`]: "1x4 0x20" },
    silent: {
      [`uncouple_nats_connection_state{${own},state="connected"}`]: "1x4 0x3 1x20",
      [`uncouple_nats_connection_state{${own},state="reconnecting"}`]: "0x30",
    },
  },
  UncoupleWorkersMissing: {
    labels: m1,
    at: "15m",
    fires: { [`uncouple_worker_units_waiting{${own}}`]: "4x30", [`uncouple_workers_present{${own}}`]: "0x30" },
    silent: { [`uncouple_worker_units_waiting{${own}}`]: "4x30", [`uncouple_workers_present{${own}}`]: "0x6 1x30" },
  },
  UncoupleEvaluatorBacklog: {
    labels: { pipeline: "p" },
    at: "20m",
    fires: { [`uncouple_announcements_pending{${evaluator}}`]: "21x30" },
    silent: { [`uncouple_announcements_pending{${evaluator}}`]: "50x10 20x20" },
  },
  UncoupleNothingJudged: {
    labels: { pipeline: "p" },
    at: "35m",
    fires: {
      [`uncouple_announcements_pending{${evaluator}}`]: "1x60",
      [outcome("verdict")]: "7x60",
      [outcome("failure")]: "0+1x60",
    },
    silent: { [`uncouple_announcements_pending{${evaluator}}`]: "1x60", [outcome("verdict")]: "0+1x60" },
  },
  UncoupleEvaluatorMissing: {
    labels: { pipeline: "p" },
    at: "15m",
    fires: { [`uncouple_build_info{${own}}`]: "1x30", 'uncouple_build_info{pipeline="q",service="evaluator"}': "1x30" },
    silent: { [`uncouple_build_info{${own}}`]: "1x30", [`uncouple_build_info{${evaluator}}`]: "_x6 1x30" },
  },
  UncoupleStoreNearlyFull: {
    labels: { pipeline: "p", store: "models" },
    at: "15m",
    fires: {
      [`uncouple_store_bytes{${evaluator},store="models"}`]: "81x30",
      [`uncouple_store_limit_bytes{${evaluator},store="models"}`]: "100x30",
    },
    // One without a limit, and one below it.
    silent: {
      [`uncouple_store_bytes{${evaluator},store="models"}`]: "80x30",
      [`uncouple_store_limit_bytes{${evaluator},store="models"}`]: "100x30",
      [`uncouple_store_bytes{${evaluator},store="server"}`]: "1e15x30",
    },
  },
  UncoupleStoreCopiesBehind: {
    labels: { pipeline: "p" },
    at: "15m",
    fires: { [`uncouple_store_copies_behind{${evaluator}}`]: "1x30" },
    silent: { [`uncouple_store_copies_behind{${evaluator}}`]: "8x6 0x30" },
  },
  UncoupleStoreNotSynced: {
    labels: { pipeline: "p" },
    at: "15m",
    fires: { [`uncouple_store_syncs_always{${evaluator}}`]: "0x30" },
    // Evaluators without --nats-monitor export nothing.
    silent: { [`uncouple_store_syncs_always{${evaluator}}`]: "1x30", [`uncouple_build_info{${evaluator}}`]: "1x30" },
  },
  UncoupleCertificateExpiring: {
    labels: { ...trainer, certificate: "grpc" },
    at: "70m",
    fires: { [`uncouple_certificate_expiry_seconds{${own},certificate="grpc"}`]: "1209599-60x90" },
    silent: { [`uncouple_certificate_expiry_seconds{${own},certificate="grpc"}`]: "1209599-60x20 7776000-60x70" },
  },
  UncoupleClockSkew: {
    labels: trainer,
    at: "15m",
    fires: { [`uncouple_nats_clock_offset_seconds{${own}}`]: "-5.1x30" },
    silent: { [`uncouple_nats_clock_offset_seconds{${own}}`]: "-4.9x30" },
  },
};
