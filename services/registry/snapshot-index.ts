import { UncoupleError } from "../common/errors.ts";
import {
  type SnapshotDraft,
  type SnapshotManifest,
  snapshotName,
  type UnreadableSnapshot,
} from "../pipeline/manifest.ts";

/**
 * An index of a pipeline's announcements by name, run and position, which arrive in the order of their positions. All readers of the same
 * announcements give the same serials to the same snapshots, whatever version of the program they are:
 *
 * - The first announcement of a component and serial takes that serial, whether or not this version can read it. Later ones
 *   of the same serial are ignored.
 * - A serial that this version cannot read is unreadable for good: it is listed, and it is never used.
 * - A readable announcement is a snapshot if its serial is the component's lowest free one and its parent, if any, is a
 *   taken serial. Otherwise its serial is unreadable, too.
 *
 * Nothing depends on the content of other announcements, because another version may not be able to read them.
 */
export interface SnapshotIndex {
  /**
   * Takes in an announcement of `component` and `serial`: its manifest, or why it cannot be read.
   * @returns why it is not a snapshot, or undefined if it is one
   */
  take(
    place: AnnouncementPlace,
    read: { readonly manifest: SnapshotManifest } | { readonly wrong: string },
  ): string | undefined;
  /** Returns a readable snapshot. */
  get(component: string, serial: number): AnnouncementPlace | undefined;
  /** Returns the newest readable snapshot. */
  latest(component: string): AnnouncementPlace | undefined;
  /** The lowest free serial: the next snapshot of the component has this one. */
  next(component: string): number;
  /** Returns the first snapshot that a run has published. */
  ofRun(component: string, runId: string): AnnouncementPlace | undefined;
  /** Returns the serials that are taken and cannot be read, in the order of announcement. */
  unreadable(component?: string): readonly UnreadableSnapshot[];
}

export interface AnnouncementPlace {
  readonly position: number;
  readonly component: string;
  readonly serial: number;
}

export function createSnapshotIndex(): SnapshotIndex {
  const unreadable: UnreadableSnapshot[] = [];
  const byComponent = new Map<string, ComponentIndex>();
  const empty = createComponentIndex();
  const of = (component: string) => byComponent.get(component) ?? empty;
  const get = (component: string, serial: number | undefined) => {
    const position = serial === undefined ? undefined : of(component).positions.get(serial);
    return position === undefined || serial === undefined ? undefined : { position, component, serial };
  };
  return {
    take({ position, component, serial }, read) {
      const index = byComponent.get(component) ?? createComponentIndex();
      byComponent.set(component, index);
      if (isTaken(index, serial)) return "the serial is taken";
      const wrong = "wrong" in read ? read.wrong : misplaced(read.manifest, index);
      if ("wrong" in read || wrong !== undefined) {
        index.unreadable.add(serial);
        unreadable.push({ position, component, serial, reason: wrong ?? "" });
      } else {
        index.positions.set(serial, position);
        index.newest = serial;
        const { runId } = read.manifest;
        if (!index.byRun.has(runId)) index.byRun.set(runId, serial);
      }
      while (isTaken(index, index.next)) index.next++;
      return wrong;
    },
    get,
    latest: (component) => get(component, of(component).newest),
    next: (component) => of(component).next,
    ofRun: (component, runId) => get(component, of(component).byRun.get(runId)),
    unreadable: (component) =>
      unreadable.filter((snapshot) => component === undefined || snapshot.component === component),
  };
}

/** Names and positions only: manifests are read when asked for. */
interface ComponentIndex {
  /** Serial to position, of readable snapshots. */
  readonly positions: Map<number, number>;
  readonly unreadable: Set<number>;
  /** Run to the serial that it published. */
  readonly byRun: Map<string, number>;
  newest: number | undefined;
  /** The lowest serial that is not taken. */
  next: number;
}

function createComponentIndex(): ComponentIndex {
  return { positions: new Map(), unreadable: new Set(), byRun: new Map(), newest: undefined, next: 1 };
}

function isTaken({ positions, unreadable }: ComponentIndex, serial: number): boolean {
  return positions.has(serial) || unreadable.has(serial);
}

/** Why a readable announcement of a free serial is not a snapshot. */
function misplaced(manifest: SnapshotManifest, index: ComponentIndex): string | undefined {
  const { component, serial, parent } = manifest;
  if (serial !== index.next) return `serial ${serial} where ${component} is at ${index.next}`;
  if (parent !== null && !isTaken(index, parent)) return `${snapshotName(manifest)} names ${parent} as its parent`;
  return undefined;
}

/**
 * Checks that a run which publishes again has the same bytes.
 * @throws UncoupleError `conflict`
 */
export function checkSameBytes(published: SnapshotManifest, digest: string): void {
  if (published.digest === digest) return;
  throw new UncoupleError(
    "conflict",
    `run ${published.runId} has published ${snapshotName(published)} with other bytes (SHA-256 ${published.digest}, now ${digest}); a run publishes once`,
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

/**
 * Finds a snapshot.
 * @throws UncoupleError `not-found`; `failed-precondition` if its announcement cannot be read
 */
export function findSnapshot(index: SnapshotIndex, component: string, serial: number): AnnouncementPlace {
  const place = index.get(component, serial);
  if (place !== undefined) return place;
  const name = snapshotName({ component, serial });
  const unreadable = index.unreadable(component).find((snapshot) => snapshot.serial === serial);
  if (unreadable !== undefined) {
    throw new UncoupleError("failed-precondition", `${name} cannot be read and is never used: ${unreadable.reason}`);
  }
  const newest = index.latest(component)?.serial;
  const known = newest === undefined ? "it has published none" : `its newest is ${newest}`;
  throw new UncoupleError("not-found", `no snapshot ${name}: ${known}`);
}

/** The error of a publish that was canceled before its announcement. */
export function notPublished(draft: SnapshotDraft): UncoupleError {
  return new UncoupleError("cancelled", `run ${draft.runId} of ${draft.component} was stopped before it published`);
}
