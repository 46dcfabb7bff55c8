import type { SnapshotId } from "../pipeline/manifest.ts";
import type { RetentionPolicy } from "../pipeline/tombstone.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { CompactedLog } from "../registry/compaction.ts";
import { withGcLease } from "./gc-lease.ts";

export interface CompactLogsDeps {
  readonly policy: RetentionPolicy;
  /** The holder of the lease. */
  readonly by: string;
  readonly backplane: Pick<Backplane, "compaction" | "leases">;
}

/**
 * Removes the log entries that are not needed without the deleted models (`registry/compaction.ts`). Champions, and all other
 * aliases, can then be rolled back as far as the policy keeps models for it.
 * @returns what was removed, of the logs that lost something
 * @throws UncoupleError `conflict` if another process does it now; `cancelled`; as `Compaction.compact`
 */
export function compactLogs(
  { policy, by, backplane }: CompactLogsDeps,
  signal: AbortSignal,
): Promise<readonly CompactedLog[]> {
  const { compaction, leases } = backplane;
  return withGcLease({ leases, by }, signal, (held) => compaction.compact(policy.champions, held));
}

/**
 * Returns what `compactLogs` would remove now, without changing anything.
 * @param deleted snapshots that count as deleted without a tombstone
 */
export function findCompaction(
  { policy, backplane }: Pick<CompactLogsDeps, "policy" | "backplane">,
  deleted: readonly SnapshotId[],
): Promise<readonly CompactedLog[]> {
  return backplane.compaction.find(policy.champions, deleted);
}

/**
 * Completes a compaction that a process was killed in the middle of, whatever the policy.
 * @throws UncoupleError as `compactLogs`
 */
export function resumeCompaction(
  { by, backplane }: Pick<CompactLogsDeps, "by" | "backplane">,
  signal: AbortSignal,
): Promise<void> {
  const { compaction, leases } = backplane;
  return withGcLease({ leases, by }, signal, compaction.resume);
}
