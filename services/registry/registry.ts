import type { SnapshotDraft, SnapshotManifest } from "../pipeline/manifest.ts";

/** Bytes of the largest model that is published, read or judged, where nothing else is said. */
export const DEFAULT_MAX_MODEL_BYTES = 256 * 1024 ** 2;

/** A manifest at its place in the order of all announcements of the pipeline. Positions grow, with gaps allowed. */
export interface Announcement {
  readonly position: number;
  readonly manifest: SnapshotManifest;
}

export interface AliasChange {
  readonly component: string;
  readonly alias: string;
  /** A rollback undoes the newest change that is not undone yet, and is itself never undone by another. */
  readonly kind: "set" | "rollback";
  /** null: the alias was removed. */
  readonly serial: number | null;
  readonly previous: number | null;
  /** Who and why, for people; free text. */
  readonly by: string;
  readonly at: string;
}

/**
 * Where the snapshots of one pipeline live.
 *
 * Promises, for every implementation (test/contract holds them to it):
 * - a manifest that anyone can see implies bytes that anyone can read whole: bytes are stored first, announced after;
 * - serials of a component are exactly 1, 2, 3 ... in the order of announcement, whoever contends;
 * - a snapshot is immutable: nothing that was announced changes or disappears;
 * - a run publishes at most once: publishing again with the same run id and bytes returns the same manifest;
 * - bytes are given out only after their size and SHA-256 were found right.
 */
export interface Registry {
  /**
   * @param parent the serial that must be the component's newest (null: none yet), or `any`
   * @throws UncoupleError `conflict` when the newest is another one, or the run has published other bytes (nothing is
   *   published); `invalid-argument` for a draft of another pipeline, one that is no whole draft, or no bytes;
   *   `resource-exhausted` when the store is full or the model too large (naming the setting); `unavailable`: then
   *   publishing again with the same run id and bytes is safe, whatever became of the first attempt; `cancelled` when
   *   the signal aborts before the announcement is sent: then nothing is published
   */
  publish(
    draft: SnapshotDraft,
    bytes: Uint8Array,
    parent: number | null | "any",
    signal?: AbortSignal,
  ): Promise<SnapshotManifest>;
  /** @throws UncoupleError `not-found` */
  manifest(component: string, serial: number): Promise<SnapshotManifest>;
  /** The newest manifest of a component, if there is one. */
  latest(component: string): Promise<SnapshotManifest | undefined>;
  /** @throws UncoupleError `not-found`; `data-loss` when size or digest are wrong */
  bytes(manifest: SnapshotManifest, signal?: AbortSignal): Promise<Uint8Array>;
  /** All manifests, or a component's, in the order of announcement. */
  list(component?: string): Promise<readonly SnapshotManifest[]>;
  /**
   * Announcements from a position on, itself included (0: all there ever were), then as they happen. It ends, without
   * throwing, when the signal aborts or the backplane closes; an outage of the server is waited out.
   */
  watch(from: number, signal: AbortSignal): AsyncIterable<Announcement>;

  /** Alias to serial. */
  aliases(component: string): Promise<Readonly<Record<string, number>>>;
  /**
   * Points an alias at a snapshot, or removes it with null.
   * @param expected the serial it must point at now (null: nowhere)
   * @throws UncoupleError `conflict` when it points elsewhere, `not-found` when the snapshot does not exist,
   *   `invalid-argument` for an alias that is not [a-z][a-z0-9-]{0,62}
   */
  setAlias(
    component: string,
    alias: string,
    serial: number | null,
    expected: number | null,
    by: string,
  ): Promise<AliasChange>;
  /** Every change ever made, oldest first. */
  aliasLog(component: string): Promise<readonly AliasChange[]>;
  /**
   * Points the alias back at the snapshot that it pointed at before its last change (a removal is undone, and skipped
   * on the way back); calling again goes further back, a new `setAlias` starts from where it then points.
   * @throws UncoupleError `failed-precondition` when there is nothing to go back to
   */
  rollback(component: string, alias: string, by: string): Promise<AliasChange>;
}
