import { type Clock, secondsSince } from "../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import { isInfrastructureFailure } from "../composition/hosted-snapshot.ts";
import type { PipelineGate } from "../composition/pipeline-gate.ts";
import type { PipelineView } from "../composition/pipeline-view.ts";
import { snapshotName } from "../pipeline/manifest.ts";
import type { Backplane, WorkItem } from "../registry/backplane.ts";
import type { Logger } from "../runtime/logs.ts";
import { noTracing, type Tracer } from "../runtime/tracing/tracer.ts";
import type { EvaluateAnnouncement } from "./evaluate-announcement.ts";
import type { EvaluatorMetrics } from "./evaluator-metrics.ts";
import { type EvaluatorGeneration, lateText, trainedOnHeldOut } from "./held-out-generation.ts";
import type { VerdictWriter } from "./verdict-writer.ts";

/** After this many failures of its own in this process, a snapshot is quarantined. */
const MAX_FAILURES = 5;
/**
 * An announcement delivered more often than this without finishing may crash the evaluators that judge it. With two more
 * for the proof, a stack that restarts its evaluator is still running when the snapshot is quarantined.
 */
const MAX_DELIVERIES = 1;
/** A lease of each name that is left behind is an evaluator that died. One alone may have been stopped by somebody else. */
const PROOFS = ["judging", "judging-again"] as const;

export interface DeliveryJudgeDeps {
  /** This evaluator's name, as the holder of leases. */
  readonly evaluator: string;
  readonly backplane: Pick<Backplane, "registry" | "leases">;
  readonly view: Pick<PipelineView, "history" | "reaches">;
  readonly gate: Pick<PipelineGate, "digest" | "confirm">;
  readonly generation: Pick<EvaluatorGeneration, "confirm">;
  readonly writer: VerdictWriter;
  readonly metrics: Pick<EvaluatorMetrics, "handled">;
  /** Defaults to none. */
  readonly tracer?: Tracer | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** As `EvaluateAnnouncement`. */
  evaluate: EvaluateAnnouncement;
  /** Called after this process has published a verdict. */
  onVerdict(): void;
  /** Aborts the evaluation in progress. */
  readonly signal: AbortSignal;
}

/**
 * Handles deliveries of announcements. Each is judged and acknowledged, or returned to the queue for a retry. Never
 * throws, so that no announcement blocks the others, and never keeps a delivery.
 */
export function createDeliveryJudge(deps: DeliveryJudgeDeps): (item: WorkItem) => Promise<void> {
  const { backplane, view, gate, generation, writer, metrics, tracer = noTracing, clock, log, signal } = deps;
  /** Failures in this process, by the announcement's position. */
  const failures = new Map<number, number>();
  /** Positions of suspects that this process has judged without crashing. */
  const survived = new Set<number>();

  async function settle(
    item: WorkItem,
    traceparent: string | undefined,
  ): Promise<"verdict" | "quarantine" | "settled before"> {
    const { manifest } = item.announcement;
    if (await writer.isSettled(manifest)) return "settled before";
    await checkPipelineFile(manifest.pipelineDigest);
    const { heldOutAfter } = await generation.confirm();
    if (trainedOnHeldOut(manifest, heldOutAfter)) {
      const detail = `rows after ${heldOutAfter} are held out, and ${lateText(manifest)}; train again`;
      await writer.quarantine(manifest, "trained-on-held-out", detail);
      return "quarantine";
    }
    const evaluate = () => deps.evaluate(item.announcement, traceparent);
    return item.delivery <= MAX_DELIVERIES ? evaluate() : evaluateSuspect(item, evaluate);
  }

  /**
   * A snapshot made with another pipeline file may be the first sign here of a file that was applied since. Judged with
   * the old file, it would be quarantined for not fitting.
   */
  async function checkPipelineFile(digest: string | null): Promise<void> {
    if (digest === null || digest === gate.digest) return;
    const refusal = await gate.confirm();
    if (refusal !== undefined) throw new UncoupleError("failed-precondition", refusal);
  }

  /**
   * Distinguishes an announcement that crashes evaluators from one that was returned many times during an outage. A
   * suspect is judged under a lease, which still names its holder after a crash, and then under a second one. Later
   * snapshots are composed with earlier ones, so while an earlier announcement is unsettled, it may be to blame, and the
   * suspect is retried.
   */
  async function evaluateSuspect(
    { announcement, delivery }: WorkItem,
    evaluate: () => ReturnType<EvaluateAnnouncement>,
  ): ReturnType<EvaluateAnnouncement> {
    const { manifest, position } = announcement;
    await view.reaches(position, signal);
    const names = PROOFS.map((proof) => `${proof}-${position}`);
    const holders = await Promise.all(names.map((name) => backplane.leases.holder(name)));
    const crashed = survived.has(position) ? [] : holders.filter((holder) => holder !== undefined);
    const earlier = crashed.length === 0 ? undefined : view.history.firstUnsettled(position);
    if (crashed.length === PROOFS.length && earlier === undefined) {
      const detail = `delivered ${delivery} times without finishing; evaluators ${crashed.join(" and ")} crashed while judging it`;
      await writer.quarantine(manifest, "evaluation-failed", detail);
      return "quarantine";
    }
    // While an earlier one may be to blame, nothing is proven, and what was left behind is cleared.
    const taken = earlier === undefined ? [free(names, holders)] : names;
    const leases = await Promise.all(taken.map((name) => backplane.leases.acquire(name, deps.evaluator, signal)));
    try {
      if (earlier === undefined) return await evaluate();
      const first = `${snapshotName(earlier)} was announced earlier and must be settled first`;
      throw new UncoupleError(
        "failed-precondition",
        `evaluator ${crashed.join(" and ")} crashed while judging it; ${first}`,
      );
    } finally {
      survived.add(position);
      await Promise.all(leases.map((lease) => lease.release()));
    }
  }

  /** Returns a failed delivery to the queue, or quarantines its snapshot after too many failures. */
  async function retryOrQuarantine(item: WorkItem, error: UncoupleError): Promise<void> {
    const { manifest, position } = item.announcement;
    const snapshot = snapshotName(manifest);
    if (signal.aborted || isInfrastructureFailure(error.code)) {
      log.warn({ snapshot, delivery: item.delivery, error }, `postponed judging ${snapshot}: ${error.message}`);
      return item.retry();
    }
    const failed = (failures.get(position) ?? 0) + 1;
    failures.set(position, failed);
    log.error({ snapshot, delivery: item.delivery, error }, `judging ${snapshot} failed: ${error.message}`);
    if (failed < MAX_FAILURES) return item.retry();
    await writer.quarantine(manifest, "evaluation-failed", `evaluation failed ${failed} times: ${error.message}`);
    await item.done();
    failures.delete(position);
  }

  return async (item) => {
    const { manifest, position } = item.announcement;
    const started = clock.elapsed();
    const seconds = () => secondsSince(clock, started);
    const attributes = { "uncouple.snapshot": snapshotName(manifest), "uncouple.delivery": item.delivery };
    const span = tracer.start("judge", { kind: "consumer", parent: item.traceparent, attributes });
    try {
      const outcome = await settle(item, span.traceparent);
      span.set({ "uncouple.outcome": outcome });
      span.end();
      await item.done();
      failures.delete(position);
      survived.delete(position);
      if (outcome !== "settled before") metrics.handled(outcome, seconds());
      if (outcome === "verdict") deps.onVerdict();
    } catch (thrown) {
      span.end(thrown);
      if (!signal.aborted) metrics.handled("failure", seconds());
      try {
        await retryOrQuarantine(item, asUncoupleError(thrown));
      } catch (again) {
        const error = asUncoupleError(again);
        log.warn({ error }, `cannot settle ${snapshotName(manifest)}: ${error.message}; trying again`);
        await item.retry();
      }
    }
  };
}

/** The first lease that nobody holds; the last one if all are held. */
function free(names: readonly string[], holders: readonly (string | undefined)[]): string {
  return (names.find((_, index) => holders[index] === undefined) ?? names.at(-1)) as string;
}
