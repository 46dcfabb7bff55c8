import { restartForever } from "../common/async/restart-forever.ts";
import { timeoutSignal } from "../common/async/timeout-signal.ts";
import type { Clock } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import { type SnapshotManifest, snapshotName } from "../pipeline/manifest.ts";
import type { Quarantine, Verdict } from "../pipeline/verdict.ts";
import type { Backplane, WriteOnceLog } from "../registry/backplane.ts";
import type { Announcement } from "../registry/registry.ts";

/**
 * The announcements, verdicts and quarantines that this process has seen. Follows the backplane, so that judging does not
 * have to list the whole store. It can lag, unless a method says otherwise.
 */
export interface PipelineView {
  /** Announcements of a component, oldest first. */
  announcements(component: string): readonly Announcement[];
  manifest(component: string, serial: number): SnapshotManifest | undefined;
  quarantined(component: string, serial: number): boolean;
  /** Whether a verdict has compared that snapshot, which shows that it produced valid predictions. */
  proven(component: string, serial: number): boolean;
  /** The first announcement before a position, of any component, with neither a verdict nor a quarantine. */
  firstUnsettled(before: number): Announcement | undefined;
  /** Serials that have a verdict and no quarantine, ascending. */
  usable(component: string): readonly number[];
  /** Records what this process has just appended, without waiting for the log to deliver it. */
  noteVerdict(verdict: Verdict): void;
  noteQuarantine(quarantine: Quarantine): void;
  /**
   * Resolves when the view contains every announcement up to that position.
   * @throws UncoupleError `deadline-exceeded`, `cancelled`
   */
  reaches(position: number, signal: AbortSignal): Promise<void>;
  /** Follows the backplane until the signal aborts. A failed watch restarts where it stopped. */
  follow(signal: AbortSignal): Promise<void>;
}

export interface PipelineViewDeps {
  readonly backplane: Pick<Backplane, "registry" | "verdicts" | "quarantines">;
  readonly clock: Clock;
  /** Called when a watch has failed and is about to restart. */
  onError(what: string, error: UncoupleError): void;
  /** Called for every verdict, in log order. */
  onVerdict(verdict: Verdict): void;
}

/** How long an announcement delivered by the queue may take to appear in the view. */
const REACH_TIMEOUT_SECONDS = 30;

export function createPipelineView(deps: PipelineViewDeps): PipelineView {
  const { registry, verdicts: verdictLog, quarantines: quarantineLog } = deps.backplane;
  const announced = new Map<string, Announcement[]>();
  const verdicts = new Set<string>();
  const proven = new Set<string>();
  const quarantines = new Set<string>();
  const waiting = new Set<{ readonly position: number; readonly resolve: () => void }>();
  let seen = 0;

  function see(announcement: Announcement): void {
    const { component } = announcement.manifest;
    const list = announced.get(component) ?? [];
    announced.set(component, list);
    // A watch starts at the last position seen, inclusive.
    if (announcement.position > (list.at(-1)?.position ?? 0)) list.push(announcement);
    seen = Math.max(seen, announcement.position);
    for (const waiter of waiting) if (waiter.position <= seen) waiter.resolve();
  }

  async function followAnnouncements(signal: AbortSignal): Promise<void> {
    for await (const announcement of registry.watch(seen, signal)) see(announcement);
  }

  function followLog<T extends { readonly component: string; readonly serial: number }>(
    log: WriteOnceLog<T>,
    note: (value: T) => void,
    signal: AbortSignal,
  ): () => Promise<void> {
    let from = 0;
    return async () => {
      for await (const { position, value } of log.watch(from, signal)) {
        from = position;
        note(value);
      }
    };
  }

  const settled = (snapshot: string) => verdicts.has(snapshot) || quarantines.has(snapshot);
  const noteVerdict = (verdict: Verdict) => {
    verdicts.add(snapshotName(verdict));
    for (const comparison of [verdict.comparison, ...verdict.alternatives]) {
      for (const composition of [comparison?.current ?? {}, comparison?.candidate ?? {}]) {
        for (const [component, serial] of Object.entries(composition)) proven.add(snapshotName({ component, serial }));
      }
    }
  };
  const noteQuarantine = (quarantine: Quarantine) => {
    quarantines.add(snapshotName(quarantine));
  };

  return {
    announcements: (component) => announced.get(component) ?? [],
    manifest: (component, serial) =>
      announced.get(component)?.find(({ manifest }) => manifest.serial === serial)?.manifest,
    quarantined: (component, serial) => quarantines.has(snapshotName({ component, serial })),
    proven: (component, serial) => proven.has(snapshotName({ component, serial })),
    firstUnsettled: (before) =>
      [...announced.values()]
        .flatMap((list) =>
          list.filter(({ position, manifest }) => position < before && !settled(snapshotName(manifest))),
        )
        .sort((a, b) => a.position - b.position)[0],
    usable: (component) =>
      (announced.get(component) ?? [])
        .filter(({ manifest }) => verdicts.has(snapshotName(manifest)) && !quarantines.has(snapshotName(manifest)))
        .map(({ manifest }) => manifest.serial),
    noteVerdict,
    noteQuarantine,
    async reaches(position, signal) {
      if (position <= seen) return;
      const late = new UncoupleError(
        "deadline-exceeded",
        `announcement ${position} was delivered, but the registry's watch did not show it within ${REACH_TIMEOUT_SECONDS} s`,
      );
      const timeout = timeoutSignal(deps.clock, REACH_TIMEOUT_SECONDS * 1000, late, signal);
      const end = timeout.signal;
      const arrived = await new Promise<boolean>((resolve) => {
        const settle = (outcome: boolean) => {
          waiting.delete(waiter);
          end.removeEventListener("abort", giveUp);
          timeout.dispose();
          resolve(outcome);
        };
        const giveUp = () => settle(false);
        const waiter = { position, resolve: () => settle(true) };
        waiting.add(waiter);
        end.addEventListener("abort", giveUp);
        if (end.aborted) giveUp();
      });
      if (arrived) return;
      if (signal.aborted) throw new UncoupleError("cancelled", "the evaluator is stopping");
      throw late;
    },
    async follow(signal) {
      const note = (verdict: Verdict) => {
        noteVerdict(verdict);
        deps.onVerdict(verdict);
      };
      const watches: readonly (readonly [string, () => Promise<void>])[] = [
        ["announcements", () => followAnnouncements(signal)],
        ["verdicts", followLog(verdictLog, note, signal)],
        ["quarantines", followLog(quarantineLog, noteQuarantine, signal)],
      ];
      await Promise.all(
        watches.map(([what, watch]) =>
          restartForever(
            { clock: deps.clock, signal, onError: (error) => deps.onError(`watching ${what}`, error) },
            watch,
          ),
        ),
      );
    },
  };
}
