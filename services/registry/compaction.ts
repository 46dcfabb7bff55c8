import type { SnapshotId } from "../pipeline/manifest.ts";

export const COMPACTED_LOGS = ["verdicts", "quarantines", "aliases"] as const;
export type CompactedLogName = (typeof COMPACTED_LOGS)[number];

/** What a compaction removed from a log. */
export interface CompactedLog {
  readonly log: CompactedLogName;
  /** Numbers of entries. */
  readonly removed: number;
  readonly kept: number;
}

/**
 * Removes entries of the logs that nothing needs any more. All others keep their positions, and announcements, tombstones and
 * pipeline files are never removed. What is removed:
 *
 * - verdicts and quarantines of deleted snapshots. A verdict stays while no other one compares a snapshot that is not
 *   deleted (`SnapshotHistory.isProven`).
 * - alias changes that no rollback reaches (`neededChanges`).
 *
 * The newest entry of a log always stays. Callers hold the lease `gc`, so that two processes do not do the same work.
 */
export interface Compaction {
  /**
   * Returns what `compact` would remove now, of the logs with anything to remove.
   * @param rollbacks how many changes of each alias can be undone afterwards
   * @param deleted snapshots that count as deleted without a tombstone
   */
  find(rollbacks: number, deleted?: readonly SnapshotId[]): Promise<readonly CompactedLog[]>;
  /**
   * Returns what it removed, of the logs with anything to remove.
   * @throws UncoupleError `unavailable`, `cancelled`: the next call completes what was begun; `failed-precondition` if a log
   *   cannot be compacted
   */
  compact(rollbacks: number, signal: AbortSignal): Promise<readonly CompactedLog[]>;
  /** Completes the part of an interrupted `compact` that appends to a log wait for. Cheap if there is nothing to do. */
  resume(signal: AbortSignal): Promise<void>;
}
