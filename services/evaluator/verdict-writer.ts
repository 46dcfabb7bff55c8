import { type Clock, timestamp } from "../common/clock/clock.ts";
import type { PipelineView } from "../composition/pipeline-view.ts";
import { type SnapshotManifest, snapshotName } from "../pipeline/manifest.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { QuestionCount } from "../pipeline/questions.ts";
import { CONFIDENCE_LEVEL, type Quarantine, type QuarantineReason, type Verdict } from "../pipeline/verdict.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { Logger } from "../runtime/logs.ts";
import type { Judgement } from "../verdicts/judgement.ts";
import { intervalMethod } from "../verdicts/paired/paired-interval.ts";
import type { Grouping } from "../verdicts/paired/sample.ts";
import type { EvaluatorMetrics } from "./evaluator-metrics.ts";
import type { EvaluatorGeneration } from "./held-out-generation.ts";
import type { ReleaseKeeper } from "./release-keeper.ts";

/** Appends verdicts and quarantines to the shared logs; the evaluator that appends one also logs and counts it. */
export interface VerdictWriter {
  /** Whether the snapshot has a verdict or a quarantine, or had one before it was deleted. */
  isSettled(manifest: SnapshotManifest): Promise<boolean>;
  /** @param traceparent W3C trace context of the evaluation */
  publish(
    manifest: SnapshotManifest,
    judgement: Judgement & Pick<Verdict, "release">,
    seconds: number,
    traceparent?: string,
  ): Promise<void>;
  quarantine(
    snapshot: { readonly component: string; readonly serial: number },
    reason: QuarantineReason,
    detail: string,
  ): Promise<void>;
}

export interface VerdictWriterDeps {
  readonly backplane: Pick<Backplane, "verdicts" | "quarantines" | "retention">;
  readonly view: Pick<PipelineView, "noteVerdict" | "noteQuarantine">;
  readonly generation: Pick<EvaluatorGeneration, "settled">;
  readonly questions: QuestionCount;
  /** A verdict or quarantine can change what is in use. */
  readonly releases: Pick<ReleaseKeeper, "update">;
  readonly metrics: EvaluatorMetrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Characters of a quarantine's detail, which can contain text of any length from the snapshot, such as tensor names. A
 * record too large for a message could never be appended, and its snapshot would stay in use.
 */
const MAX_DETAIL_LENGTH = 1_000;

export interface VerdictWriterConfig {
  readonly evaluator: string;
  readonly pipeline: Pipeline;
  /** Number and groups of the held-out rows. */
  readonly rows: number;
  readonly groupings: readonly Grouping[];
  /** Of the pipeline file that it judges with. */
  readonly pipelineDigest: string;
}

export function createVerdictWriter(config: VerdictWriterConfig, deps: VerdictWriterDeps): VerdictWriter {
  const { evaluator, pipeline, rows, groupings, pipelineDigest } = config;
  const { backplane, view, questions, releases, metrics, log } = deps;
  const stamp = ({ component, serial }: { readonly component: string; readonly serial: number }) => ({
    pipeline: pipeline.name,
    component,
    serial,
    evaluator,
    judgedAt: timestamp(deps.clock),
  });
  const heldOut = (): NonNullable<Verdict["heldOut"]> => {
    const { fingerprint, generation } = deps.generation.settled();
    const horizon = pipeline.verdict?.horizon;
    const question = questions.of(generation) + 1;
    return { fingerprint, generation, question, ...(horizon !== undefined && { horizon }) };
  };

  return {
    async isSettled({ component, serial }) {
      const found = await Promise.all([
        backplane.verdicts.get(component, serial),
        backplane.quarantines.get(component, serial),
        backplane.retention.tombstone(component, serial),
      ]);
      return found.some((record) => record !== undefined);
    },
    async quarantine(snapshot, reason, text) {
      const detail = text.length <= MAX_DETAIL_LENGTH ? text : `${text.slice(0, MAX_DETAIL_LENGTH)} ... (truncated)`;
      const record: Quarantine = { version: 1, ...stamp(snapshot), reason, detail };
      const appended = await backplane.quarantines.append(record);
      view.noteQuarantine(record);
      await releases.update();
      if (!appended) return;
      metrics.quarantined(snapshot.component, reason);
      log.warn({ snapshot: snapshotName(snapshot), reason }, `quarantined: ${detail}`);
    },
    async publish(manifest, judgement, seconds, traceparent) {
      const { candidateLoss, ...outcome } = judgement;
      const verdict: Verdict = {
        version: 2,
        ...stamp(manifest),
        ...outcome,
        method: intervalMethod(CONFIDENCE_LEVEL),
        level: CONFIDENCE_LEVEL,
        rows,
        ...(groupings.length > 0 && { groups: Math.min(...groupings.map(({ count }) => count)) }),
        heldOut: heldOut(),
        ...(manifest.provenance.origin !== undefined && { origin: manifest.provenance.origin }),
        pipelineDigest,
        seconds,
      };
      if (!(await backplane.verdicts.append(verdict, traceparent))) return;
      view.noteVerdict(verdict);
      await releases.update();
      questions.note(verdict);
      metrics.judged(verdict);
      metrics.losses(verdict, candidateLoss);
      log.info(logFields(verdict), `verdict: ${snapshotName(verdict)} ${verdict.kind}`);
    },
  };
}

/** Log fields of a verdict; losses as [current, candidate]. */
function logFields(verdict: Verdict): Readonly<Record<string, unknown>> {
  const { comparison, componentLoss, heldOut, kind, reason, seconds } = verdict;
  return {
    snapshot: snapshotName(verdict),
    kind,
    ...(reason === undefined ? {} : { reason }),
    generation: heldOut?.generation,
    ...(comparison === null
      ? {}
      : { pipelineLoss: [comparison.currentLoss, comparison.candidateLoss], interval: comparison.interval }),
    ...(componentLoss.candidate === null ? {} : { componentLoss: [componentLoss.current, componentLoss.candidate] }),
    seconds,
  };
}
