import { settlesWithin } from "../../common/async/settles-within.ts";
import type { Clock } from "../../common/clock/clock.ts";
import type { GatePolicy } from "../../pipeline/gate.ts";
import type { SnapshotId } from "../../pipeline/manifest.ts";
import { DECISIONS, type DecisionKind } from "../../pipeline/release.ts";
import type { MaybeLoss } from "../../pipeline/verdict.ts";
import type { LedgerState } from "../../releases/ledger-state.ts";
import type { GateStatus, HeldCandidate } from "../../rpc/services/evaluator-service.ts";
import { type Metrics, SCRAPE_TIMEOUT_MS } from "../../runtime/metrics.ts";

export interface GateMetrics {
  /** Counts a decision that this process appended. */
  decided(decision: DecisionKind): void;
  /** Sets whether this evaluator is the one that decides. */
  holding(isHolder: boolean): void;
}

export interface GateGauges {
  readonly clock: Clock;
  readonly components: readonly string[];
  readonly state: Pick<LedgerState, "release" | "served">;
  /** Pipeline loss of the release on held-out rows; null if it cannot be measured. */
  loss(): Promise<MaybeLoss>;
  /** Number of the generation of held-out rows in use; undefined until it is found. */
  generation(): number | undefined;
  /** The pipeline file's; undefined without one. */
  readonly policy: Pick<GatePolicy, "mode" | "horizon"> | undefined;
  /** Undefined without a gate. */
  gate(): GateStatus | undefined;
  /** Candidates that the gate has not decided, or not released yet; undefined without a gate. */
  waiting(): readonly SnapshotId[] | undefined;
}

/** What is released and served, with or without a gate, and what the gate does. */
export function createGateMetrics(metrics: Metrics, gauges: GateGauges): GateMetrics {
  exportReleases(metrics, gauges);
  exportCandidates(metrics, gauges);
  exportQuestions(metrics, gauges);
  const decisions = metrics.counter({
    name: "uncouple_gate_decisions_total",
    help: "Decisions of the gate that this evaluator made, by decision.",
    labels: ["decision"],
  });
  // Prometheus misses the first increment of a series that did not exist before.
  for (const decision of DECISIONS) decisions.inc({ decision }, 0);
  const holder = metrics.gauge({
    name: "uncouple_gate_holder",
    help: "1 if this evaluator is the one that decides what is released, else 0; absent unless a gate enforces.",
  });
  holder.remove();
  return {
    decided: (decision) => decisions.inc({ decision }),
    holding: (isHolder) => holder.set(isHolder ? 1 : 0),
  };
}

function exportReleases(metrics: Metrics, { clock, state, loss, generation }: GateGauges): void {
  metrics
    .gauge({
      name: "uncouple_release_number",
      help: "Number of the newest release, which is in use; absent before the first.",
      collect(gauge) {
        const release = state.release();
        if (release !== undefined) gauge.set(release.number);
      },
    })
    .remove();
  metrics.gauge({
    name: "uncouple_release_loss",
    help: "Pipeline loss of what is in use on held-out rows; absent if it cannot be measured.",
    labels: ["generation"],
    async collect(gauge) {
      const number = generation();
      const asked = loss().catch(() => undefined);
      // While the hosts are busy or the store is away, the gauge keeps its last value.
      if (!(await settlesWithin(clock, SCRAPE_TIMEOUT_MS, asked, { keepsAlive: false }))) return;
      const measured = await asked;
      if (measured === undefined) return;
      gauge.reset();
      if (measured !== null && number !== undefined) gauge.set({ generation: String(number) }, measured);
    },
  });
  metrics.gauge({
    name: "uncouple_release_served",
    help: "Number of the release that a follower of releases serves.",
    labels: ["follower"],
    collect(gauge) {
      gauge.reset();
      for (const { follower, release } of state.served()) gauge.set({ follower }, release);
    },
  });
}

function exportCandidates(metrics: Metrics, { clock, components, policy, gate, waiting }: GateGauges): void {
  metrics.gauge({
    name: "uncouple_gate_waiting",
    help: "Candidates of a component that the gate has not decided, or has promoted and not released; absent unless a gate enforces.",
    labels: ["component"],
    collect(gauge) {
      const snapshots = policy?.mode === "enforce" ? waiting() : undefined;
      if (snapshots === undefined) return;
      for (const component of components) {
        gauge.set({ component }, snapshots.filter((one) => one.component === component).length);
      }
    },
  });
  metrics.gauge({
    name: "uncouple_gate_held",
    help: "Candidates of a component that the gate holds and no person has refused; absent without a gate.",
    labels: ["component"],
    collect(gauge) {
      const held = gate()?.held;
      if (held === undefined) return;
      for (const component of components) gauge.set({ component }, ofComponent(held, component).length);
    },
  });
  metrics.gauge({
    name: "uncouple_gate_held_age_seconds",
    help: "Time since the gate first held the candidate of a component that it holds longest; 0 if it holds none.",
    labels: ["component"],
    collect(gauge) {
      const held = gate()?.held;
      if (held === undefined) return;
      for (const component of components) {
        const since = ofComponent(held, component).map((candidate) => Date.parse(candidate.since));
        gauge.set({ component }, since.length === 0 ? 0 : (clock.now() - Math.min(...since)) / 1000);
      }
    },
  });
}

function exportQuestions(metrics: Metrics, { policy, gate }: GateGauges): void {
  const horizon = metrics.gauge({
    name: "uncouple_gate_horizon",
    help: "Questions that the gate may ask of the confirm rows of a generation, and of its reserve rows once these are open; absent without a gate.",
  });
  if (policy === undefined) horizon.remove();
  else horizon.set(policy.horizon);
  metrics
    .gauge({
      name: "uncouple_gate_questions_left",
      help: "Questions that the gate may still ask of the confirm rows or, once these are spent and the reserve rows are open, of those; absent without a gate.",
      collect(gauge) {
        const left = gate()?.questionsLeft ?? null;
        if (left !== null) gauge.set(left);
      },
    })
    .remove();
}

/** The candidates of a component that somebody has yet to decide on. */
function ofComponent(held: readonly HeldCandidate[], component: string): readonly HeldCandidate[] {
  return held.filter(
    ({ snapshot, reasons }) => snapshot.component === component && !reasons.includes("refused-by-person"),
  );
}
