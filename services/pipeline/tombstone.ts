import { UncoupleError } from "../common/errors.ts";
import { type SnapshotId, snapshotName } from "./manifest.ts";

/** What garbage collection keeps, besides what is in use, aliased, pinned, unjudged, or upstream of something kept. */
export interface RetentionPolicy {
  /** Number of newest snapshots of each component, at least 1. */
  readonly keep: number;
  /** Number of releases before the newest, and of changes that each champion can be rolled back, at least 0. */
  readonly champions: number;
}

/** The default of `RetentionPolicy.champions`. */
export const DEFAULT_CHAMPIONS = 10;

/**
 * The record that a snapshot's model was deleted by policy. Its announcement stays. Open like a verdict: fields that this
 * version does not know are kept as they are.
 */
export interface Tombstone extends SnapshotId {
  /** Version of the format. */
  readonly version: 1;
  readonly pipeline: string;
  readonly policy: RetentionPolicy;
  /** Who collected it, as free text. */
  readonly by: string;
  readonly deletedAt: string;
}

/** The model of a snapshot was deleted by policy. */
export class DeletedError extends UncoupleError {
  readonly snapshot: SnapshotId;
  readonly tombstone: Tombstone;

  /** @param subject of the sentence that says so */
  constructor(tombstone: Tombstone, subject = snapshotName(tombstone)) {
    const { component, serial, deletedAt, policy } = tombstone;
    super("deleted", `${subject} was deleted on ${deletedAt} by policy (keep ${policy.keep})`);
    this.snapshot = { component, serial };
    this.tombstone = tombstone;
  }
}
