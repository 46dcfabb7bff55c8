import { type Clock, timestamp } from "../common/clock/clock.ts";
import type { PipelineView } from "../composition/pipeline-view.ts";
import { type SnapshotManifest, snapshotName } from "../pipeline/manifest.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Quarantine, QuarantineReason, Verdict } from "../pipeline/verdict.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { Logger } from "../runtime/logs.ts";
import type { Judgement } from "../verdicts/judgement.ts";
import type { EvaluatorMetrics } from "./evaluator-metrics.ts";

/** Makes known what was found: once in the shared logs, and by whoever appended it in metrics and log lines. */
export interface VerdictWriter {
  /** Whether a verdict or a quarantine of that snapshot stands in the logs. */
  isSettled(manifest: SnapshotManifest): Promise<boolean>;
  publish(manifest: SnapshotManifest, judgement: Judgement, seconds: number): Promise<void>;
  quarantine(
    snapshot: { readonly component: string; readonly serial: number },
    reason: QuarantineReason,
    detail: string,
  ): Promise<void>;
}

export interface VerdictWriterDeps {
  readonly backplane: Pick<Backplane, "verdicts" | "quarantines">;
  readonly view: Pick<PipelineView, "noteVerdict" | "noteQuarantine">;
  readonly metrics: EvaluatorMetrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Characters of a quarantine's detail. What snapshots say of themselves (names in a graph, for one) may be of any
 * length; a record that does not fit into a message could never be made known, and its snapshot would stay in use.
 */
const LONGEST_DETAIL = 1_000;

export function createVerdictWriter(
  evaluator: string,
  pipeline: Pipeline,
  rows: number,
  deps: VerdictWriterDeps,
): VerdictWriter {
  const { backplane, view, metrics, log } = deps;
  const stamp = ({ component, serial }: { readonly component: string; readonly serial: number }) =>
    ({
      version: 1,
      pipeline: pipeline.name,
      component,
      serial,
      evaluator,
      judgedAt: timestamp(deps.clock),
    }) as const;

  return {
    async isSettled({ component, serial }) {
      return (
        (await backplane.verdicts.get(component, serial)) !== undefined ||
        (await backplane.quarantines.get(component, serial)) !== undefined
      );
    },
    async quarantine(snapshot, reason, found) {
      const detail = found.length <= LONGEST_DETAIL ? found : `${found.slice(0, LONGEST_DETAIL)} ... (cut short)`;
      const record: Quarantine = { ...stamp(snapshot), reason, detail };
      const appended = await backplane.quarantines.append(record);
      view.noteQuarantine(record);
      if (!appended) return;
      metrics.quarantined(snapshot.component, reason);
      log.warn({ snapshot: snapshotName(snapshot), reason }, `quarantined: ${detail}`);
    },
    async publish(manifest, judgement, seconds) {
      const { candidateLoss, ...found } = judgement;
      const verdict: Verdict = { ...stamp(manifest), ...found, rows, seconds };
      if (!(await backplane.verdicts.append(verdict))) return;
      view.noteVerdict(verdict);
      metrics.judged(verdict);
      metrics.losses(verdict, candidateLoss);
      log.info(fieldsOf(verdict), `verdict: ${snapshotName(verdict)} ${verdict.kind}`);
    },
  };
}

/** What a log line says of a verdict; losses as [current, candidate]. */
function fieldsOf(verdict: Verdict): Readonly<Record<string, unknown>> {
  const { comparison, componentLoss, kind, reason, seconds } = verdict;
  return {
    snapshot: snapshotName(verdict),
    kind,
    ...(reason === undefined ? {} : { reason }),
    ...(comparison === null
      ? {}
      : { pipelineLoss: [comparison.currentLoss, comparison.candidateLoss], interval: comparison.interval }),
    ...(componentLoss.candidate === null ? {} : { componentLoss: [componentLoss.current, componentLoss.candidate] }),
    seconds,
  };
}
