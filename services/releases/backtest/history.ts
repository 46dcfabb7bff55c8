import { type SnapshotId, snapshotName } from "../../pipeline/manifest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Release } from "../../pipeline/release.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { Backplane } from "../../registry/backplane.ts";
import { readLedger } from "../read-ledger.ts";

/** A snapshot that a gate could have promoted. */
export interface PastSnapshot extends SnapshotId {
  /** ISO 8601, by its publisher's clock. */
  readonly publishedAt: string;
  /** What it was trained on, component to serial. */
  readonly upstream: Composition;
  /** Whether its team lets sets move it. */
  readonly sets: boolean;
  /** Whether its verdict says that its own loss improved. */
  readonly ownImproved: boolean;
}

/** What a pipeline has published and released. */
export interface PipelineHistory {
  /** Those that are judged, sound and stored, in the order of announcement. */
  readonly snapshots: readonly PastSnapshot[];
  /** Oldest first. */
  readonly releases: readonly Release[];
  /** Snapshots that cannot be replayed: retention has deleted their models, they are quarantined, or not judged. */
  readonly missing: Readonly<Record<"deleted" | "quarantined" | "unjudged", readonly SnapshotId[]>>;
}

/** Reads the history of the components that the pipeline has. */
export async function readHistory(
  backplane: Pick<Backplane, "registry" | "verdicts" | "quarantines" | "retention" | "ledger">,
  pipeline: Pick<Pipeline, "components">,
): Promise<PipelineHistory> {
  const namesOf = (snapshots: readonly SnapshotId[]) => new Set(snapshots.map(snapshotName));
  const deleted = namesOf(await backplane.retention.tombstones());
  const quarantined = namesOf(await backplane.quarantines.list());
  const verdicts = new Map((await backplane.verdicts.list()).map((verdict) => [snapshotName(verdict), verdict]));
  const missing = { deleted: [] as SnapshotId[], quarantined: [] as SnapshotId[], unjudged: [] as SnapshotId[] };
  const snapshots: PastSnapshot[] = [];
  for (const manifest of await backplane.registry.list()) {
    const { component, serial, publishedAt, provenance } = manifest;
    if (pipeline.components.every(({ name }) => name !== component)) continue;
    const name = snapshotName(manifest);
    const verdict = verdicts.get(name);
    if (deleted.has(name)) missing.deleted.push({ component, serial });
    else if (quarantined.has(name)) missing.quarantined.push({ component, serial });
    else if (verdict === undefined) missing.unjudged.push({ component, serial });
    else {
      snapshots.push({
        component,
        serial,
        publishedAt,
        upstream: provenance.upstream ?? {},
        sets: provenance.gating?.sets !== false,
        ownImproved: verdict.componentInterval != null && verdict.componentInterval[1] < 0,
      });
    }
  }
  return { snapshots, releases: (await readLedger(backplane.ledger)).releases, missing };
}
