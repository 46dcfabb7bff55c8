import { settlesWithin } from "../../common/async/settles-within.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { DECISIONS, type DecisionKind } from "../../pipeline/release.ts";
import type { MaybeLoss } from "../../pipeline/verdict.ts";
import type { LedgerState } from "../../releases/ledger-state.ts";
import type { HeldCandidate } from "../../rpc/services/evaluator-service.ts";
import { type Metrics, SCRAPE_TIMEOUT_MS } from "../../runtime/metrics.ts";

export interface GateMetrics {
  /** Counts a decision that this process appended. */
  decided(decision: DecisionKind): void;
}

export interface ReleaseGauges {
  readonly clock: Clock;
  readonly state: Pick<LedgerState, "release" | "served">;
  /** Pipeline loss of the release on held-out rows; null if it cannot be measured. */
  loss(): Promise<MaybeLoss>;
}

export interface GateGauges {
  readonly clock: Clock;
  readonly components: readonly string[];
  held(): readonly HeldCandidate[];
  /** Undefined until the held-out rows have a generation. */
  questionsLeft(): number | undefined;
}

/** What is released and served, with or without a gate. */
export function exportReleases(metrics: Metrics, { clock, state, loss }: ReleaseGauges): void {
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
  metrics
    .gauge({
      name: "uncouple_release_loss",
      help: "Pipeline loss of what is in use on held-out rows; absent if it cannot be measured.",
      async collect(gauge) {
        const asked = loss().catch(() => undefined);
        // While the hosts are busy or the store is away, the gauge keeps its last value.
        if (!(await settlesWithin(clock, SCRAPE_TIMEOUT_MS, asked, { keepsAlive: false }))) return;
        const measured = await asked;
        if (measured === null) gauge.remove();
        else if (measured !== undefined) gauge.set(measured);
      },
    })
    .remove();
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

export function createGateMetrics(metrics: Metrics, gauges: GateGauges): GateMetrics {
  const { clock, components, held, questionsLeft } = gauges;
  const decisions = metrics.counter({
    name: "uncouple_gate_decisions_total",
    help: "Decisions of the gate that this evaluator made, by decision.",
    labels: ["decision"],
  });
  // Prometheus misses the first increment of a series that did not exist before.
  for (const decision of DECISIONS) decisions.inc({ decision }, 0);
  const heldOf = (component: string) => held().filter(({ snapshot }) => snapshot.component === component);
  metrics.gauge({
    name: "uncouple_gate_held",
    help: "Candidates of a component that the gate holds.",
    labels: ["component"],
    collect(gauge) {
      for (const component of components) gauge.set({ component }, heldOf(component).length);
    },
  });
  metrics.gauge({
    name: "uncouple_gate_held_age_seconds",
    help: "Time since the gate first held the candidate of a component that it holds longest; 0 if it holds none.",
    labels: ["component"],
    collect(gauge) {
      for (const component of components) {
        const since = heldOf(component).map((candidate) => Date.parse(candidate.since));
        gauge.set({ component }, since.length === 0 ? 0 : (clock.now() - Math.min(...since)) / 1000);
      }
    },
  });
  metrics
    .gauge({
      name: "uncouple_gate_questions_left",
      help: "Questions that the gate may still ask of the confirm rows, or of the reserve rows once these are open.",
      collect(gauge) {
        const left = questionsLeft();
        if (left !== undefined) gauge.set(left);
      },
    })
    .remove();
  return { decided: (decision) => decisions.inc({ decision }) };
}
