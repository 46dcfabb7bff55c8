import { restartForever } from "../common/async/restart-forever.ts";
import { asUncoupleError } from "../common/errors.ts";
import { type Collection, collectGarbage, type GarbageDeps } from "../composition/collect-garbage.ts";
import { snapshotName } from "../pipeline/manifest.ts";
import type { FailureReporter } from "../runtime/failure-reporter.ts";
import type { Logger } from "../runtime/logs.ts";
import type { EvaluatorMetrics } from "./evaluator-metrics.ts";

/** A collection reads the manifests of everything that it keeps. */
const INTERVAL_MS = 10 * 60_000;

export interface RetentionLoopDeps extends GarbageDeps {
  readonly metrics: Pick<EvaluatorMetrics, "deleted">;
  readonly reportFailure: FailureReporter;
  readonly log: Logger;
}

/** Carries out a pipeline file's `retention:` every ten minutes, until the signal aborts. One evaluator at a time does. */
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
  try {
    reportDeleted(await collectGarbage(deps, signal), deps);
  } catch (thrown) {
    const { code, message } = asUncoupleError(thrown);
    if (code !== "conflict") throw thrown;
    deps.log.debug(`models are deleted by another process: ${message}`);
  }
}

function reportDeleted({ deleted, kept, completed }: Collection, { policy, metrics, log }: RetentionLoopDeps): void {
  for (const { component, size } of deleted) metrics.deleted(component, size);
  const names = [...deleted, ...completed].map(snapshotName);
  if (names.length === 0) return;
  const { keep, champions } = policy;
  log.info({ snapshots: names, keep, champions, kept }, `deleted ${names.length} models by policy (keep ${keep})`);
}
