import { type Clock, secondsSince } from "../common/clock/clock.ts";
import { asUncoupleError, UncoupleError } from "../common/errors.ts";
import { isInfrastructureFailure } from "../composition/load-model.ts";
import type { PipelineView } from "../composition/pipeline-view.ts";
import { snapshotName } from "../pipeline/manifest.ts";
import type { Backplane, WorkItem } from "../registry/backplane.ts";
import type { Announcement } from "../registry/registry.ts";
import type { Logger } from "../runtime/logs.ts";
import type { EvaluatorMetrics } from "./evaluator-metrics.ts";
import type { VerdictWriter } from "./verdict-writer.ts";

/** An evaluation that failed so often in this process, for no cause outside, is given up. */
const MOST_FAILURES = 5;
/** An announcement that was delivered so often without an end may be one that ends the process that judges it. */
const MOST_DELIVERIES = 20;

export interface DeliveryJudgeDeps {
  /** Who judges, for people. */
  readonly evaluator: string;
  readonly backplane: Pick<Backplane, "registry" | "leases">;
  readonly view: Pick<PipelineView, "firstUnsettled" | "reaches">;
  readonly writer: VerdictWriter;
  readonly metrics: Pick<EvaluatorMetrics, "worked">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Judges an announcement and makes known what was found. */
  evaluate(announcement: Announcement): Promise<"verdict" | "quarantine">;
  /** A verdict of this process stands. */
  onVerdict(): void;
  /** Aborts what is being judged. */
  readonly signal: AbortSignal;
}

/**
 * What is done with one delivery of an announcement: judged once, and then done with for good, or given back for another
 * try. It never throws, so that no announcement stops the others, and it leaves none in its hands.
 */
export function createDeliveryJudge(deps: DeliveryJudgeDeps): (item: WorkItem) => Promise<void> {
  const { backplane, view, writer, metrics, clock, log, signal } = deps;
  /** Failures in this process, by position of the announcement. */
  const failures = new Map<number, number>();
  /** Positions that this process has judged under suspicion: it lives, so they did not end it. */
  const survived = new Set<number>();

  async function settle(item: WorkItem): Promise<"verdict" | "quarantine" | "settled before"> {
    if (await writer.isSettled(item.announcement.manifest)) return "settled before";
    return item.delivery <= MOST_DELIVERIES ? deps.evaluate(item.announcement) : evaluateSuspect(item);
  }

  /**
   * Tells an announcement that ends whoever judges it from one that was given back through a long outage: it is judged
   * under a lease, which still names its holder when that died. While an earlier announcement is not settled, that one
   * may be to blame, because later ones are composed with it; then this one is given another chance.
   */
  async function evaluateSuspect({ announcement, delivery }: WorkItem): Promise<"verdict" | "quarantine"> {
    const { manifest, position } = announcement;
    await view.reaches(position, signal);
    const name = `judging-${position}`;
    const died = survived.has(position) ? undefined : await backplane.leases.holder(name);
    const earlier = died === undefined ? undefined : view.firstUnsettled(position);
    if (died !== undefined && earlier === undefined) {
      const detail = `delivered ${delivery} times and never finished; evaluator ${died} ended while judging it`;
      await writer.quarantine(manifest, "evaluation-failed", detail);
      return "quarantine";
    }
    const lease = await backplane.leases.acquire(name, deps.evaluator, signal);
    try {
      if (earlier === undefined) return await deps.evaluate(announcement);
      const first = `${snapshotName(earlier.manifest)}, which was announced before it, is to be settled first`;
      throw new UncoupleError("failed-precondition", `evaluator ${died} ended while judging it; ${first}`);
    } finally {
      survived.add(position);
      await lease.release();
    }
  }

  /** After a failure. */
  async function giveBack(item: WorkItem, error: UncoupleError): Promise<void> {
    const { manifest, position } = item.announcement;
    const snapshot = snapshotName(manifest);
    if (signal.aborted || isInfrastructureFailure(error.code)) {
      log.warn({ snapshot, delivery: item.delivery, error }, `${snapshot} is to be judged later: ${error.message}`);
      return item.retry();
    }
    const failed = (failures.get(position) ?? 0) + 1;
    failures.set(position, failed);
    log.error({ snapshot, delivery: item.delivery, error }, `judging ${snapshot} failed: ${error.message}`);
    if (failed < MOST_FAILURES) return item.retry();
    await writer.quarantine(manifest, "evaluation-failed", `judging it failed ${failed} times: ${error.message}`);
    await item.done();
    failures.delete(position);
  }

  return async (item) => {
    const { manifest, position } = item.announcement;
    const started = clock.elapsed();
    const seconds = () => secondsSince(clock, started);
    try {
      const outcome = await settle(item);
      await item.done();
      failures.delete(position);
      survived.delete(position);
      if (outcome !== "settled before") metrics.worked(outcome, seconds());
      if (outcome === "verdict") deps.onVerdict();
    } catch (thrown) {
      if (!signal.aborted) metrics.worked("failure", seconds());
      try {
        await giveBack(item, asUncoupleError(thrown));
      } catch (again) {
        const error = asUncoupleError(again);
        log.warn({ error }, `giving ${snapshotName(manifest)} up: ${error.message}; trying again`);
        await item.retry();
      }
    }
  };
}
