import { type Clock, secondsSince } from "../common/clock/clock.ts";
import { baseline, isEnforced, readInForce, releasedBaseline } from "../composition/in-use.ts";
import type { PipelineView } from "../composition/pipeline-view.ts";
import { snapshotName } from "../pipeline/manifest.ts";
import { isRefused, type JudgedTest } from "../pipeline/model-test.ts";
import { failedTestsText } from "../pipeline/model-test-text.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { DeletedError } from "../pipeline/tombstone.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { Announcement } from "../registry/registry.ts";
import type { ComposedLosses } from "../verdicts/composed-losses.ts";
import { judgeSnapshot, type RowStructure } from "../verdicts/judgement.ts";
import { createSharedWeights } from "../verdicts/paired/shared-weights.ts";
import { SnapshotFault } from "../verdicts/snapshot-fault.ts";
import type { Consistency } from "./consistency.ts";
import type { ComposedTests } from "./model-tests/composed-tests.ts";
import type { VerdictWriter } from "./verdict-writer.ts";

export interface EvaluateDeps {
  readonly pipeline: Pipeline;
  /** Number of newest serials per component among a verdict's alternatives. */
  readonly retained: number;
  readonly backplane: Pick<Backplane, "registry" | "ledger">;
  readonly view: Pick<PipelineView, "history" | "reaches" | "noteDeleted">;
  readonly losses: ComposedLosses;
  readonly consistency: Pick<Consistency, "ofVerdict">;
  readonly tests: Pick<ComposedTests, "ofSnapshot">;
  /** As verdicts may show it. */
  structure(): RowStructure;
  readonly writer: Pick<VerdictWriter, "publish" | "quarantine">;
  readonly clock: Clock;
  /** Aborts the evaluation in progress. */
  readonly signal: AbortSignal;
}

/**
 * Judges one announced snapshot and publishes the outcome.
 * @param traceparent W3C trace context of this work
 */
export type EvaluateAnnouncement = (
  announcement: Announcement,
  traceparent?: string,
) => Promise<"verdict" | "quarantine">;

/**
 * Quarantines every snapshot that turns out to be unusable during the evaluation, and starts over without it, as it does
 * without one that was deleted meanwhile. This terminates: every pass leaves out a different snapshot.
 */
export function createEvaluateAnnouncement(deps: EvaluateDeps): EvaluateAnnouncement {
  const { pipeline, retained, backplane, view, losses, consistency, writer, clock, signal } = deps;
  const { history } = view;
  const drawShared = createSharedWeights();
  /**
   * A gate that enforces holds what fails a test of the pipeline, which may not be the snapshot's fault. It holds nothing back
   * that it releases unseen.
   */
  const isHeld = (component: string, current: Composition) =>
    isEnforced(pipeline) && (pipeline.gate?.bootstrap !== "newest" || current[component] !== undefined);
  const quarantines = ({ scope }: JudgedTest, component: string, current: Composition) =>
    scope === "component" || !isHeld(component, current);

  return async ({ position, manifest }, traceparent) => {
    const started = clock.elapsed();
    const { component, serial } = manifest;
    if (!pipeline.components.some(({ name }) => name === component)) {
      await writer.quarantine(manifest, "wrong-output", `the pipeline file has no component ${component}`);
      return "quarantine";
    }
    await view.reaches(position, signal);
    for (;;) {
      try {
        const inForce = await readInForce(backplane);
        const { components } = pipeline;
        const current = isEnforced(pipeline)
          ? releasedBaseline(components, history, inForce, { component, serial, position })
          : baseline(components, history, inForce, position);
        const judgement = await judgeSnapshot(manifest, {
          pipeline,
          losses,
          structure: deps.structure(),
          drawShared,
          current,
          alternatives: (component) => history.sound(component).newest(retained, position),
          proven: (component, serial) => history.isProven({ component, serial }),
          signal,
        });
        const tests = await deps.tests.ofSnapshot(manifest, current);
        const refusing = tests.filter((test) => isRefused(test) && quarantines(test, component, current));
        if (refusing.length > 0) {
          await writer.quarantine(manifest, "failed-test", failedTestsText(refusing));
          return "quarantine";
        }
        const gaps = await consistency.ofVerdict(current, { ...current, [component]: serial });
        const release = inForce.release?.number;
        const outcome = {
          ...judgement,
          ...(gaps !== undefined && { consistency: gaps }),
          ...(tests.length > 0 && { tests }),
          ...(release !== undefined && { release }),
        };
        await writer.publish(manifest, outcome, secondsSince(clock, started), traceparent);
        return "verdict";
      } catch (thrown) {
        if (thrown instanceof DeletedError && snapshotName(thrown.snapshot) !== snapshotName(manifest)) {
          // An alternative, or what was in force the time before.
          view.noteDeleted(thrown.snapshot);
          continue;
        }
        if (!(thrown instanceof SnapshotFault)) throw thrown;
        await writer.quarantine(thrown, thrown.reason, thrown.message);
        if (thrown.component === component && thrown.serial === serial) return "quarantine";
      }
    }
  };
}
