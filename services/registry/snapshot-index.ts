import { UncoupleError } from "../common/errors.ts";
import { type SnapshotDraft, type SnapshotManifest, snapshotName } from "../pipeline/manifest.ts";

/**
 * An index of a pipeline's announcements, in order. It enforces on the reading side that serials are exactly 1, 2, 3 ...:
 * an announcement that does not continue its component's serials is ignored, so that all readers of the same announcements
 * have the same index.
 */
export interface SnapshotIndex {
  /** @returns why the announcement is ignored, or undefined if it was added */
  take(manifest: SnapshotManifest): string | undefined;
  get(component: string, serial: number): SnapshotManifest | undefined;
  latest(component: string): SnapshotManifest | undefined;
  /** Returns the snapshot that a run has published. */
  ofRun(component: string, runId: string): SnapshotManifest | undefined;
  list(component?: string): readonly SnapshotManifest[];
}

export function createSnapshotIndex(): SnapshotIndex {
  const all: SnapshotManifest[] = [];
  const byComponent = new Map<string, SnapshotManifest[]>();
  const byRun = new Map<string, SnapshotManifest>();
  const runKey = (component: string, runId: string) => `${component} ${runId}`;
  return {
    take(manifest) {
      const of = byComponent.get(manifest.component) ?? [];
      const next = of.length + 1;
      if (manifest.serial !== next) return `serial ${manifest.serial} where ${manifest.component} is at ${next}`;
      if (manifest.parent !== (next === 1 ? null : next - 1)) {
        return `${snapshotName(manifest)} names ${manifest.parent} as its parent`;
      }
      const run = runKey(manifest.component, manifest.runId);
      if (byRun.has(run)) return `run ${manifest.runId} of ${manifest.component} has published already`;
      byComponent.set(manifest.component, of);
      of.push(manifest);
      byRun.set(run, manifest);
      all.push(manifest);
      return undefined;
    },
    get: (component, serial) => byComponent.get(component)?.[serial - 1],
    latest: (component) => byComponent.get(component)?.at(-1),
    ofRun: (component, runId) => byRun.get(runKey(component, runId)),
    list: (component) => (component === undefined ? [...all] : [...(byComponent.get(component) ?? [])]),
  };
}

/**
 * Returns the snapshot that a run has already published, if it publishes again.
 * @throws UncoupleError `conflict` if it published different bytes
 */
export function alreadyPublished(
  ledger: SnapshotIndex,
  component: string,
  runId: string,
  digest: string,
): SnapshotManifest | undefined {
  const published = ledger.ofRun(component, runId);
  if (published === undefined || published.digest === digest) return published;
  throw new UncoupleError(
    "conflict",
    `run ${runId} has published ${snapshotName(published)} with other bytes (SHA-256 ${published.digest}, now ${digest}); a run publishes once`,
  );
}

/**
 * @param newest the serial of the component's newest snapshot, null if there is none
 * @throws UncoupleError `conflict` if that is not the expected parent
 */
export function checkParent(component: string, newest: number | null, parent: number | null | "any"): void {
  if (parent === "any" || parent === newest) return;
  const name = (serial: number | null) => (serial === null ? "no snapshot" : snapshotName({ component, serial }));
  throw new UncoupleError(
    "conflict",
    `${component}: trained to follow ${name(parent)}, but the newest is ${name(newest)}; somebody else published, so nothing was`,
  );
}

/** @throws UncoupleError `not-found` */
export function noSnapshot(component: string, serial: number, newest: number | undefined): UncoupleError {
  const known = newest === undefined ? "it has published none" : `its newest is ${newest}`;
  return new UncoupleError("not-found", `no snapshot ${snapshotName({ component, serial })}: ${known}`);
}

/** The error of a publish that was canceled before its announcement. */
export function notPublished(draft: SnapshotDraft): UncoupleError {
  return new UncoupleError("cancelled", `run ${draft.runId} of ${draft.component} was stopped before it published`);
}
