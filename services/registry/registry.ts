import type { SnapshotDraft, SnapshotManifest, UnreadableSnapshot } from "../pipeline/manifest.ts";
import type { Logged } from "../pipeline/verdict.ts";

/** Default size limit for models that are published, read or judged, in bytes. */
export const DEFAULT_MAX_MODEL_BYTES = 256 * 1024 ** 2;

/** A manifest with its position among all announcements of the pipeline. Positions increase, possibly with gaps. */
export interface Announcement {
  readonly position: number;
  readonly manifest: SnapshotManifest;
}

export interface AliasChange {
  readonly component: string;
  readonly alias: string;
  /** A rollback undoes the newest change that has not been undone, and is never undone itself. */
  readonly kind: "set" | "rollback";
  /** null: the alias was removed. */
  readonly serial: number | null;
  readonly previous: number | null;
  /** Who made the change and why, as free text. */
  readonly by: string;
  readonly at: string;
}

/**
 * Stores the snapshots of one pipeline.
 *
 * Every implementation guarantees (test/contract checks it):
 * - the bytes of a visible manifest are complete and readable: bytes are stored before they are announced;
 * - serials of a component are exactly 1, 2, 3 ... in the order of announcement, also under contention; a serial is taken
 *   as soon as anything is announced under it, and every reader gives it to the same announcement;
 * - snapshots are immutable: nothing announced changes or disappears, except that a model can be deleted by policy, with
 *   a tombstone (`retention.ts`);
 * - a run publishes at most once: publishing again with the same run id and bytes returns the same manifest;
 * - bytes are returned only after their size and SHA-256 have been verified.
 */
export interface Registry {
  /**
   * @param parent the serial that must be the component's newest (null: none yet), or `any`
   * @throws UncoupleError `conflict` if the newest snapshot is a different one, or the run has published different bytes
   *   (nothing is published); `invalid-argument` for a draft of a different pipeline, an incomplete draft, one with an
   *   origin, or empty bytes;
   *   `resource-exhausted` if the store is full or the model too large (naming the setting); `unavailable`: publishing
   *   again with the same run id and bytes is safe, whatever the outcome of the first attempt; `cancelled` if the signal
   *   aborts before the announcement is sent: nothing is published
   * @param traceparent W3C trace context, which the server's work items carry
   */
  publish(
    draft: SnapshotDraft,
    bytes: Uint8Array,
    parent: number | null | "any",
    signal?: AbortSignal,
    traceparent?: string,
  ): Promise<SnapshotManifest>;
  /**
   * Announces a snapshot of another pipeline as one of this pipeline, which `draft.provenance.origin` names. Its model stays
   * where it is: `bytes` reads it there, which a reference (`Retention.refer`) keeps it for. As with `publish`, a run announces
   * at most once.
   * @param model of the snapshot of the other pipeline
   * @throws UncoupleError `conflict` as `publish`; `invalid-argument` for a draft of a different pipeline, an incomplete draft,
   *   or one without an origin; `unavailable`: calling it again is safe
   */
  link(
    draft: SnapshotDraft,
    model: Pick<SnapshotManifest, "digest" | "size">,
    parent: number | null | "any",
  ): Promise<SnapshotManifest>;
  /** @throws UncoupleError `not-found`; `failed-precondition` if this version cannot read the announcement */
  manifest(component: string, serial: number): Promise<SnapshotManifest>;
  /** Returns the newest readable manifest of a component, if any. */
  latest(component: string): Promise<SnapshotManifest | undefined>;
  /**
   * Returns the bytes of a model, of a linked one from the store of its owner.
   * @throws DeletedError; UncoupleError `not-found`; `data-loss` if the size or digest does not match; `failed-precondition` if
   *   the store does not have the owner's snapshot
   */
  bytes(manifest: SnapshotManifest, signal?: AbortSignal): Promise<Uint8Array>;
  /** Returns the snapshot that a run has published, if any. */
  ofRun(component: string, runId: string): Promise<SnapshotManifest | undefined>;
  /** Returns the position of the newest announcement, 0 for none. */
  end(): Promise<number>;
  /** Returns all manifests, or those of one component, in the order of announcement. */
  list(component?: string): Promise<readonly SnapshotManifest[]>;
  /** Returns the serials that are taken but cannot be read by this version, in the order of announcement. */
  unreadable(component?: string): Promise<readonly UnreadableSnapshot[]>;
  /**
   * Yields announcements from a position on, inclusive (0: from the first), then new ones. Ends without an error when the
   * signal aborts or the backplane closes, and waits through server outages.
   */
  watch(from: number, signal: AbortSignal): AsyncIterable<Announcement>;

  /** Alias to serial. */
  aliases(component: string): Promise<Readonly<Record<string, number>>>;
  /** The serial that an alias points at in each component that has it. */
  aliased(alias: string): Promise<Readonly<Record<string, number>>>;
  /**
   * Points an alias at a snapshot, or removes it with null. An alias is a name and nothing more, with one exception: `champion`
   * says what is in use before the first release, and nothing from then on; `releases/pin.ts` moves it at any time.
   * @param expected the serial it must point at now (null: nowhere)
   * @throws UncoupleError `conflict` if it points elsewhere; `not-found`, `failed-precondition` as `manifest`;
   *   `invalid-argument` for an alias that does not match [a-z][a-z0-9-]{0,62}; DeletedError
   */
  setAlias(
    component: string,
    alias: string,
    serial: number | null,
    expected: number | null,
    by: string,
  ): Promise<AliasChange>;
  /** Returns the changes that no compaction has removed (`compaction.ts`), oldest first. */
  aliasLog(component: string): Promise<readonly AliasChange[]>;
  /** Yields the changes of all components' aliases, as `watch` does announcements. Positions are those of the alias log. */
  watchAliases(from: number, signal: AbortSignal): AsyncIterable<Logged<AliasChange>>;
  /**
   * Restores the snapshot that the alias pointed at before its last change. Removals are undone, and skipped on the way
   * back. Calling it again goes further back; a new `setAlias` starts from the restored snapshot.
   * @throws UncoupleError `failed-precondition` if there is nothing to roll back to; DeletedError
   */
  rollback(component: string, alias: string, by: string): Promise<AliasChange>;
}
