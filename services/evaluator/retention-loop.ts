import { restartForever } from "../common/async/restart-forever.ts";
import { asUncoupleError } from "../common/errors.ts";
import { type Collection, collectGarbage, type GarbageDeps } from "../composition/collect-garbage.ts";
import { type CompactLogsDeps, compactLogs, resumeCompaction } from "../composition/compact-logs.ts";
import { snapshotName } from "../pipeline/manifest.ts";
import type { RetentionPolicy } from "../pipeline/tombstone.ts";
import type { CompactedLog } from "../registry/compaction.ts";
import type { FailureReporter } from "../runtime/failure-reporter.ts";
import type { Logger } from "../runtime/logs.ts";
import type { EvaluatorMetrics } from "./evaluator-metrics.ts";

/** A collection reads the manifests of everything that it keeps. */
const INTERVAL_MS = 10 * 60_000;

export interface RetentionLoopDeps extends Omit<GarbageDeps, "policy" | "backplane"> {
  /** Undefined: nothing is deleted. */
  readonly policy: RetentionPolicy | undefined;
  readonly backplane: GarbageDeps["backplane"] & CompactLogsDeps["backplane"];
  readonly metrics: Pick<EvaluatorMetrics, "deleted">;
  readonly reportFailure: FailureReporter;
  readonly log: Logger;
}

/**
 * Carries out a pipeline file's `retention:` every ten minutes, until the signal aborts. One evaluator at a time does. Without
 * it, completes what a killed `uncouple gc` has left.
 */
export function runRetention(deps: RetentionLoopDeps, signal: AbortSignal): Promise<void> {
  const { clock } = deps;
  const report = (error: Parameters<FailureReporter>[1]) => deps.reportFailure("deleting models by policy", error);
  return restartForever({ clock, signal, onError: report }, async () => {
    for (;;) {
      await collect(deps, signal);
      await clock.sleep(INTERVAL_MS, signal);
    }
  });
}

async function collect(deps: RetentionLoopDeps, signal: AbortSignal): Promise<void> {
  const { policy } = deps;
  try {
    if (policy === undefined) return await resumeCompaction(deps, signal);
    const carriedOut = { ...deps, policy };
    reportDeleted(await collectGarbage(carriedOut, signal), carriedOut);
    reportCompacted(await compactLogs(carriedOut, signal), deps);
  } catch (thrown) {
    const { code, message } = asUncoupleError(thrown);
    if (code !== "conflict") throw thrown;
    deps.log.debug(`models are deleted by another process: ${message}`);
  }
}

function reportDeleted(
  { deleted, kept, completed }: Collection,
  { policy, metrics, log }: Pick<RetentionLoopDeps, "metrics" | "log"> & { readonly policy: RetentionPolicy },
): void {
  for (const { component, size } of deleted) metrics.deleted(component, size);
  const names = [...deleted, ...completed].map(snapshotName);
  if (names.length === 0) return;
  const { keep, champions } = policy;
  log.info({ snapshots: names, keep, champions, kept }, `deleted ${names.length} models by policy (keep ${keep})`);
}

function reportCompacted(compacted: readonly CompactedLog[], { log }: Pick<RetentionLoopDeps, "log">): void {
  if (compacted.length === 0) return;
  const removed = compacted.map((one) => `${one.removed} of ${one.removed + one.kept} ${one.log}`);
  log.info({ compacted }, `compacted the logs: removed ${removed.join(", ")}`);
}
