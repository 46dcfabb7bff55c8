import { restartForever } from "../common/async/restart-forever.ts";
import type { Clock } from "../common/clock/clock.ts";
import { usedNow } from "../composition/in-use.ts";
import type { PipelineView } from "../composition/pipeline-view.ts";
import { columnBlocks } from "../data/spill/profile-columns.ts";
import type { StoredTable } from "../data/spill/stored-table.ts";
import { type ColumnDrift, columnDrift } from "../data/table/column-drift.ts";
import type { SnapshotManifest } from "../pipeline/manifest.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { FailureReporter } from "../runtime/failure-reporter.ts";
import type { EvaluatorMetrics } from "./evaluator-metrics.ts";

/** Changes come in bursts: all that come within this time after the first are measured together. */
const BURST_MS = 1_000;

export interface InputDriftDeps {
  readonly pipeline: Pipeline;
  readonly heldOut: StoredTable;
  readonly backplane: Pick<Backplane, "registry" | "ledger">;
  readonly view: Pick<PipelineView, "history" | "changed">;
  readonly metrics: Pick<EvaluatorMetrics, "drifted">;
  readonly reportFailure: FailureReporter;
  readonly clock: Clock;
}

/**
 * Measures, until the signal aborts, how much the held-out rows differ from the rows that each snapshot in use was trained
 * on, column by column.
 */
export function watchInputDrift(deps: InputDriftDeps, signal: AbortSignal): Promise<void> {
  const { pipeline, heldOut, backplane, view, metrics, clock } = deps;
  const onError: (error: Parameters<FailureReporter>[1]) => void = (error) =>
    deps.reportFailure("measuring input drift", error);
  let measured: Composition = {};
  const measure = async () => {
    const used = await usedNow(pipeline, view.history, backplane);
    for (const { name } of pipeline.components) {
      const serial = used[name];
      if (serial === measured[name]) continue;
      const manifest = serial === undefined ? undefined : await backplane.registry.manifest(name, serial);
      metrics.drifted(name, await driftOf(manifest, heldOut));
    }
    measured = used;
  };
  return restartForever({ clock, signal, onError }, async () => {
    for (;;) {
      const seen = view.changed.count;
      await measure();
      await view.changed.waitBeyond(seen, signal);
      await clock.sleep(BURST_MS, signal);
    }
  });
}

/** By column; empty for a snapshot that does not tell what it was trained on. */
async function driftOf(
  manifest: SnapshotManifest | undefined,
  heldOut: StoredTable,
): Promise<ReadonlyMap<string, ColumnDrift>> {
  const { rows = 0, columns = [] } = manifest?.provenance.data ?? {};
  const drifts = new Map<string, ColumnDrift>();
  for (const profile of columns) {
    if (!(profile.name in heldOut.columns)) continue;
    const drift = await columnDrift(profile, rows, heldOut.rows, columnBlocks(heldOut, profile.name));
    if (drift !== undefined) drifts.set(profile.name, drift);
  }
  return drifts;
}
