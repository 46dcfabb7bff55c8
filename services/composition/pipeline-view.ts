import { createNotifier, type Notifier } from "../common/async/notifier.ts";
import { raceAbort } from "../common/async/race-abort.ts";
import type { Clock } from "../common/clock/clock.ts";
import type { UncoupleError } from "../common/errors.ts";
import type { SnapshotId, SnapshotManifest } from "../pipeline/manifest.ts";
import type { LedgerEntry, Release } from "../pipeline/release.ts";
import type { Tombstone } from "../pipeline/tombstone.ts";
import type { Logged, Quarantine, Verdict } from "../pipeline/verdict.ts";
import type { Backplane } from "../registry/backplane.ts";
import type { AliasChange, Announcement } from "../registry/registry.ts";
import { createFollowedLog } from "./followed-log.ts";
import { createSnapshotHistory, type SnapshotHistory } from "./snapshot-history.ts";

/**
 * What this process has seen of a pipeline: its announcements, verdicts, quarantines, tombstones, alias changes and ledger.
 * Follows the backplane, so that no question needs a list of the whole store. It can lag, unless a method says otherwise.
 */
export interface PipelineView {
  readonly history: SnapshotHistory;
  /** Notifies when a snapshot is announced, judged, quarantined or deleted, an alias changes, or the ledger gets an entry. */
  readonly changed: Notifier;
  /** The newest announcement of a component. */
  newest(component: string): SnapshotManifest | undefined;
  /** The newest release. */
  release(): Release | undefined;
  /** Records what this process has just appended, without waiting for the log to deliver it. */
  noteVerdict(verdict: Verdict): void;
  noteQuarantine(quarantine: SnapshotId): void;
  noteRelease(release: Release): void;
  /** Records what this process has found deleted. */
  noteDeleted(snapshot: SnapshotId): void;
  /**
   * Resolves when the view contains every announcement up to that position.
   * @throws UncoupleError `deadline-exceeded`, `cancelled`
   */
  reaches(position: number, signal: AbortSignal): Promise<void>;
  /**
   * Resolves when the view contains everything that was appended before the call.
   * @throws UncoupleError as `reaches`; `unavailable`
   */
  catchUp(signal: AbortSignal): Promise<void>;
  /** Follows the backplane until the signal aborts. A failed watch restarts where it stopped. */
  follow(signal: AbortSignal): Promise<void>;
}

export interface PipelineViewDeps {
  readonly backplane: Pick<Backplane, "registry" | "verdicts" | "quarantines" | "retention" | "ledger">;
  readonly clock: Clock;
  /** Called when a watch has failed and is about to restart. */
  onError(what: string, error: UncoupleError): void;
  /** Called for each entry, in the order of its log, starting with the first in the store. */
  onAnnouncement?(announcement: Announcement): void;
  onVerdict?(verdict: Logged<Verdict>): void;
  onAliasChange?(change: Logged<AliasChange>): void;
  onLedgerEntry?(entry: Logged<LedgerEntry>): void;
}

export function createPipelineView(deps: PipelineViewDeps): PipelineView {
  const { clock, onError } = deps;
  const { registry, verdicts: verdictLog, quarantines: quarantineLog, retention, ledger } = deps.backplane;
  const history = createSnapshotHistory();
  const newest = new Map<string, SnapshotManifest>();
  let release: Release | undefined;
  const changed = createNotifier();
  const noteVerdict = (verdict: Verdict) => {
    history.judged(verdict);
    changed.notify();
  };
  const noteQuarantine = (quarantine: SnapshotId) => {
    history.quarantined(quarantine);
    changed.notify();
  };
  const noteDeleted = (snapshot: SnapshotId) => {
    history.deleted(snapshot);
    changed.notify();
  };
  const noteRelease = (next: Release) => {
    // What this process has appended, its watch delivers later.
    if (next.number > (release?.number ?? 0)) release = next;
    changed.notify();
  };
  const announcements = createFollowedLog<Announcement>({
    what: "announcements",
    clock,
    onError,
    watch: (from, signal) => registry.watch(from, signal),
    note(announcement) {
      const { manifest, position } = announcement;
      history.announced(manifest, position);
      newest.set(manifest.component, manifest);
      deps.onAnnouncement?.(announcement);
      changed.notify();
    },
  });
  const verdicts = createFollowedLog<Logged<Verdict>>({
    what: "verdicts",
    clock,
    onError,
    watch: (from, signal) => verdictLog.watch(from, signal),
    note(verdict) {
      noteVerdict(verdict.value);
      deps.onVerdict?.(verdict);
    },
  });
  const quarantines = createFollowedLog<Logged<Quarantine>>({
    what: "quarantines",
    clock,
    onError,
    watch: (from, signal) => quarantineLog.watch(from, signal),
    note: ({ value }) => noteQuarantine(value),
  });
  const tombstones = createFollowedLog<Logged<Tombstone>>({
    what: "tombstones",
    clock,
    onError,
    watch: (from, signal) => retention.watch(from, signal),
    note: ({ value }) => noteDeleted(value),
  });
  const aliases = createFollowedLog<Logged<AliasChange>>({
    what: "alias changes",
    clock,
    onError,
    watch: (from, signal) => registry.watchAliases(from, signal),
    note(change) {
      deps.onAliasChange?.(change);
      changed.notify();
    },
  });
  const entries = createFollowedLog<Logged<LedgerEntry>>({
    what: "the ledger of releases",
    clock,
    onError,
    watch: (from, signal) => ledger.watch(from, signal),
    note(entry) {
      if (entry.value.entry === "release") noteRelease(entry.value);
      deps.onLedgerEntry?.(entry);
      changed.notify();
    },
  });
  return {
    history,
    changed,
    newest: (component) => newest.get(component),
    release: () => release,
    noteVerdict,
    noteQuarantine,
    noteRelease,
    noteDeleted,
    reaches: announcements.reaches,
    async catchUp(signal) {
      const ends = await Promise.all([registry, verdictLog, quarantineLog, retention, ledger].map((log) => log.end()));
      const logs = [announcements, verdicts, quarantines, tombstones, entries];
      await Promise.all(logs.map((log, index) => log.reaches(ends[index] as number, signal)));
    },
    async follow(signal) {
      const logs = [announcements, verdicts, quarantines, tombstones, aliases, entries];
      await Promise.all(logs.map((log) => log.follow(signal)));
    },
  };
}

/**
 * Runs work with a view that is followed meanwhile, for a caller that follows nothing else.
 * @throws what the work throws; UncoupleError the first failure of a watch
 */
export async function withPipelineView<T>(
  deps: Pick<PipelineViewDeps, "backplane" | "clock">,
  signal: AbortSignal,
  work: (view: PipelineView, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const end = AbortSignal.any([signal, done.signal]);
  const failed = new AbortController();
  const view = createPipelineView({ ...deps, onError: (_, error) => failed.abort(error) });
  const following = view.follow(end);
  try {
    return await raceAbort(work(view, end), failed.signal);
  } finally {
    done.abort();
    await following;
  }
}
