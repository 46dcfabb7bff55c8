import type { SnapshotId } from "../../pipeline/manifest.ts";
import type { Reference } from "../../registry/retention.ts";

/** The other pipelines that use a snapshot, each once. */
export function usersOf({ component, serial }: SnapshotId, references: readonly Reference[]): readonly string[] {
  const users = references.filter((one) => one.component === component && one.serial === serial);
  return [...new Set(users.map(({ by }) => by))];
}
