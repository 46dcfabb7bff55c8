import { type SnapshotId, type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import type { Registry } from "../../registry/registry.ts";

/** The manifests of candidates. */
export type ManifestOf = (snapshot: SnapshotId) => SnapshotManifest | undefined;

/** Reads manifests, and keeps those that it was asked for last: they never change. */
export function createManifestReader(
  registry: Pick<Registry, "manifest">,
): (snapshots: readonly SnapshotId[]) => Promise<ManifestOf> {
  let known = new Map<string, SnapshotManifest>();
  return async (snapshots) => {
    const read = await Promise.all(
      snapshots.map(async (one): Promise<[string, SnapshotManifest]> => {
        const name = snapshotName(one);
        return [name, known.get(name) ?? (await registry.manifest(one.component, one.serial))];
      }),
    );
    known = new Map(read);
    const found = known;
    return (snapshot) => found.get(snapshotName(snapshot));
  };
}
