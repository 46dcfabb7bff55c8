import type { SnapshotHistory } from "../../composition/snapshot-history.ts";
import type { SnapshotId, SnapshotManifest } from "../../pipeline/manifest.ts";
import { originName, type SnapshotOrigin } from "../../pipeline/shared.ts";

/** A snapshot of this pipeline that is one of another pipeline. */
export interface Linked extends SnapshotId {
  readonly origin: SnapshotOrigin;
}

/** The linked snapshots of a pipeline, as this process has seen their announcements. */
export interface LinkedSnapshots {
  /** Called for each announcement. */
  note(manifest: SnapshotManifest): void;
  /** The pipelines that stored ones come from. */
  owners(): readonly string[];
  /** Those of an owner whose link is not deleted. */
  stored(owner: string): readonly Linked[];
}

export function createLinkedSnapshots(history: Pick<SnapshotHistory, "isDeleted">): LinkedSnapshots {
  const linked = new Map<string, Linked>();
  const stored = () => [...linked.values()].filter((one) => !history.isDeleted(one));
  return {
    note({ component, serial, provenance }) {
      const { origin } = provenance;
      if (origin !== undefined) linked.set(`${component}@${serial}`, { component, serial, origin });
    },
    owners: () => [...new Set(stored().map(({ origin }) => origin.pipeline))],
    stored: (owner) => stored().filter(({ origin }) => origin.pipeline === owner),
  };
}

/** The holder of a reference: one for each component and snapshot of an owner, however often it was linked. */
export function holderOf(pipeline: string, { component, origin }: Pick<Linked, "component" | "origin">): string {
  return `${pipeline}/${component} ${originName(origin)}`;
}
