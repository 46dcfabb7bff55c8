import type { Clock } from "../../common/clock/clock.ts";
import type { PipelineGate } from "../../composition/pipeline-gate.ts";
import type { PipelineView } from "../../composition/pipeline-view.ts";
import type { GatePolicy } from "../../pipeline/gate.ts";
import type { SnapshotId, SnapshotManifest } from "../../pipeline/manifest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { LedgerState } from "../../releases/ledger-state.ts";
import type { GateStatus, HeldCandidate } from "../../rpc/services/evaluator-service.ts";
import type { FailureReporter } from "../../runtime/failure-reporter.ts";
import type { Logger } from "../../runtime/logs.ts";
import { createAnnouncedProvenance } from "./announced-provenance.ts";
import { candidatesOf, releasedNow } from "./candidates.ts";
import { createCarryOut } from "./carry-out.ts";
import { createCoTraining } from "./co-training.ts";
import { createDecisions, type DecisionsDeps } from "./decisions.ts";
import type { GateGeneration } from "./gate-generation.ts";
import { runGateLoop } from "./gate-loop.ts";
import type { GateMetrics } from "./gate-metrics.ts";
import { createMovableSets } from "./movable-sets.ts";
import { createObserver } from "./observe.ts";

export interface GatingDeps {
  /** This evaluator's name. */
  readonly evaluator: string;
  readonly pipeline: Pipeline;
  readonly gate: GatePolicy;
  /** Number of newest snapshots of a component that may be promoted. */
  readonly retained: number;
  readonly rows: DecisionsDeps["rows"];
  readonly tests: DecisionsDeps["tests"];
  readonly backplane: Pick<Backplane, "registry" | "ledger" | "verdicts" | "retention" | "leases">;
  /** Must be followed, and note every entry of the ledger in `state`. */
  readonly view: PipelineView;
  readonly state: LedgerState;
  readonly applied: Pick<PipelineGate, "opens" | "refusal">;
  readonly generation: GateGeneration;
  readonly quarantine: DecisionsDeps["quarantine"];
  readonly metrics: GateMetrics;
  readonly reportFailure: FailureReporter;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The gate of a pipeline, as one evaluator runs it. */
export interface Gating {
  /** Called for each announcement, in order. */
  noteAnnouncement(manifest: SnapshotManifest): void;
  /** Decides what is released, under `enforce`, until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Decides, under `observe`, before a release that needs no gate. */
  beforeRelease(signal: AbortSignal): Promise<void>;
  status(): GateStatus;
  /** Candidates that are not decided yet, or promoted and not released yet; none under `observe`. */
  waiting(): readonly SnapshotId[];
}

export function createGating(deps: GatingDeps): Gating {
  const { pipeline, gate, retained, view, state, generation } = deps;
  const provenance = createAnnouncedProvenance(view.history);
  const questionsLeft = () => (generation.current() === undefined ? undefined : decisions.questionsLeft());
  const candidates = () => {
    if (generation.current() === undefined) return [];
    const { composition } = releasedNow(pipeline, state);
    return candidatesOf(pipeline, composition, view.history, retained).map((snapshot) => {
      const moves = { [snapshot.component]: snapshot.serial };
      return { snapshot, decision: decisions.inForce(moves), heldSince: state.heldSince(moves) };
    });
  };
  const held = () =>
    candidates().flatMap(({ snapshot, decision, heldSince: since }): HeldCandidate[] => {
      if (decision?.decision !== "held" || since === undefined) return [];
      return [{ snapshot, reasons: decision.reasons, needs: decision.needs, since }];
    });
  const decisions = createDecisions(deps);
  const carryOut = createCarryOut({ ...deps, decisions });
  const decideSets = createMovableSets({
    ...deps,
    screen: deps.rows.screen,
    registry: deps.backplane.registry,
    provenance,
    decisions,
  });
  const coTraining = createCoTraining({ ...deps, provenance, decisions });
  const observe = createObserver({ ...deps, decisions });
  return {
    noteAnnouncement: provenance.note,
    async run(signal) {
      if (gate.mode === "enforce") await runGateLoop({ ...deps, decisions, carryOut, decideSets, coTraining }, signal);
    },
    async beforeRelease(signal) {
      if (gate.mode === "observe" && generation.current() !== undefined) await observe(signal);
    },
    status: () => ({ mode: gate.mode, questionsLeft: questionsLeft() ?? null, held: held() }),
    waiting() {
      if (gate.mode === "observe") return [];
      const isWaiting = ({ decision }: ReturnType<typeof candidates>[number]) =>
        decision === undefined || decision.decision === "promoted";
      return candidates()
        .filter(isWaiting)
        .map(({ snapshot }) => snapshot);
    },
  };
}
