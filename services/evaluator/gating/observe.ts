import { asUncoupleError } from "../../common/errors.ts";
import type { PipelineView } from "../../composition/pipeline-view.ts";
import type { GatePolicy } from "../../pipeline/gate.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { LedgerState } from "../../releases/ledger-state.ts";
import type { FailureReporter } from "../../runtime/failure-reporter.ts";
import { candidatesOf, releasedNow } from "./candidates.ts";
import type { Decisions } from "./decisions.ts";

export interface ObserveDeps {
  readonly pipeline: Pipeline;
  readonly gate: Pick<GatePolicy, "bootstrap">;
  readonly retained: number;
  readonly view: Pick<PipelineView, "history" | "catchUp">;
  readonly state: LedgerState;
  readonly decisions: Pick<Decisions, "inForce" | "decide">;
  readonly reportFailure: FailureReporter;
}

/**
 * Decides, under `observe`, on every candidate against the release that is about to be replaced. A failure is reported, and the
 * release follows all the same.
 */
export function createObserver(deps: ObserveDeps): (signal: AbortSignal) => Promise<void> {
  const { pipeline, gate, view, state, decisions } = deps;
  return async (signal) => {
    const { composition } = releasedNow(pipeline, state);
    try {
      for (const { component, serial } of candidatesOf(pipeline, composition, view.history, deps.retained)) {
        const moves = { [component]: serial };
        // The first snapshot needs no decision.
        if (gate.bootstrap === "newest" && state.released(component).length === 0) continue;
        if (decisions.inForce(moves) !== undefined) continue;
        await decisions.decide(moves, true, signal);
        await view.catchUp(signal);
      }
    } catch (thrown) {
      if (!signal.aborted) deps.reportFailure("deciding what a gate would do", asUncoupleError(thrown));
    }
  };
}
