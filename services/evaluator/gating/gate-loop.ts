import type { TimeLimit } from "../../common/async/notifier.ts";
import { restartForever } from "../../common/async/restart-forever.ts";
import { type Clock, timestamp } from "../../common/clock/clock.ts";
import type { UncoupleError } from "../../common/errors.ts";
import type { PipelineGate } from "../../composition/pipeline-gate.ts";
import type { PipelineView } from "../../composition/pipeline-view.ts";
import { frozenAt } from "../../pipeline/freeze.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Backplane } from "../../registry/backplane.ts";
import type { LedgerState } from "../../releases/ledger-state.ts";
import type { FailureReporter } from "../../runtime/failure-reporter.ts";
import { candidatesOf, releasedNow } from "./candidates.ts";
import type { CarryOut } from "./carry-out.ts";
import type { CoTraining } from "./co-training.ts";
import type { Decisions } from "./decisions.ts";
import type { GateGeneration } from "./gate-generation.ts";
import type { GateMetrics } from "./gate-metrics.ts";

/** Held by the evaluator that decides. */
const LEASE = "gate";
/** The clock can jump, so no wait for the end of a freeze is longer. */
const FREEZE_MS = 60_000;

export interface GateLoopDeps {
  /** This evaluator's name. */
  readonly evaluator: string;
  readonly pipeline: Pipeline;
  readonly retained: number;
  readonly backplane: Pick<Backplane, "leases">;
  readonly view: Pick<PipelineView, "history" | "changed" | "catchUp">;
  readonly state: LedgerState;
  /** Decisions are made only while the pipeline file is the one in force. */
  readonly applied: Pick<PipelineGate, "opens" | "refusal">;
  readonly generation: Pick<GateGeneration, "settle" | "confirm">;
  readonly decisions: Pick<Decisions, "inForce" | "decide">;
  readonly carryOut: CarryOut;
  /** As `createMovableSets`. */
  decideSets(signal: AbortSignal): Promise<boolean>;
  readonly coTraining: CoTraining;
  readonly metrics: Pick<GateMetrics, "holding">;
  readonly reportFailure: FailureReporter;
  readonly clock: Clock;
}

/**
 * Decides, under `enforce`, what is released, until the signal aborts. One evaluator of a pipeline does, under a lease. It keeps
 * nothing but what the ledger says: it can be killed at any point, and another one goes on.
 */
export function runGateLoop(deps: GateLoopDeps, signal: AbortSignal): Promise<void> {
  const { pipeline, backplane, view, applied, generation, metrics, clock } = deps;
  metrics.holding(false);
  const onError = (error: UncoupleError) => deps.reportFailure("deciding what is released", error);

  /** Nothing announces the end of a freeze. */
  function untilThaw(): TimeLimit | undefined {
    const freeze = frozenAt(pipeline.freeze, timestamp(clock));
    if (freeze === undefined) return undefined;
    const ms = freeze.until === null ? FREEZE_MS : Date.parse(freeze.until) - clock.now();
    return { clock, ms: Math.min(ms, FREEZE_MS) };
  }

  async function decideForever(held: AbortSignal): Promise<void> {
    for (;;) {
      const seen = view.changed.count;
      if (applied.refusal() !== undefined) return;
      await generation.confirm();
      while (await step(deps, held)) held.throwIfAborted();
      await view.changed.waitBeyond(seen, held, untilThaw());
      held.throwIfAborted();
    }
  }

  return restartForever({ clock, signal, onError }, async () => {
    await applied.opens(signal);
    await generation.settle(signal);
    const lease = await backplane.leases.acquire(LEASE, deps.evaluator, signal);
    metrics.holding(true);
    try {
      await decideForever(AbortSignal.any([signal, lease.lost]));
    } finally {
      metrics.holding(false);
      await lease.release();
    }
  });
}

/** Appends one entry, on all that was appended before. @returns false if there is nothing to do */
async function step(deps: GateLoopDeps, signal: AbortSignal): Promise<boolean> {
  const { pipeline, view, state, decisions, carryOut, coTraining, clock } = deps;
  await view.catchUp(signal);
  if (await carryOut.decided()) return true;
  if (await carryOut.quarantined()) return true;
  if (await carryOut.first()) return true;
  const { composition } = releasedNow(pipeline, state);
  for (const { component, serial } of candidatesOf(pipeline, composition, view.history, deps.retained)) {
    const moves = { [component]: serial };
    if (decisions.inForce(moves) !== undefined) continue;
    await decisions.decide(moves, true, signal);
    return true;
  }
  // During a freeze, no set is promoted, and trainings go on.
  if (frozenAt(pipeline.freeze, timestamp(clock)) !== undefined) return false;
  return (await coTraining.decideRetrained(signal)) || (await deps.decideSets(signal)) || coTraining.request();
}
