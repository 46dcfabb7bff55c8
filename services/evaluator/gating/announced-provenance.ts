import type { SnapshotHistory } from "../../composition/snapshot-history.ts";
import { type SnapshotId, type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import { type CandidateAnswer, consumerOf } from "../../releases/cotraining.ts";

/** What the provenance of announced snapshots says to a gate. */
export interface AnnouncedProvenance {
  /** Called for each announcement, in order. */
  note(manifest: SnapshotManifest): void;
  /** The snapshots that answer requests to train on candidates, by `CandidateRun.id`. */
  answers(): ReadonlyMap<string, CandidateAnswer>;
  /** Whether the snapshot's team lets sets move it. */
  mayMoveInSets(snapshot: SnapshotId): boolean;
}

export function createAnnouncedProvenance(
  history: Pick<SnapshotHistory, "isQuarantined" | "isDeleted" | "usable">,
): AnnouncedProvenance {
  /** The first answer counts: a request is answered once. */
  const answers = new Map<string, SnapshotId>();
  const optedOut = new Set<string>();
  const stateOf = (snapshot: SnapshotId): CandidateAnswer["state"] => {
    if (history.isQuarantined(snapshot) || history.isDeleted(snapshot)) return "unusable";
    const isJudged = history.usable(snapshot.component).has(snapshot.serial, Number.POSITIVE_INFINITY);
    return isJudged ? "usable" : "unjudged";
  };
  return {
    note({ component, serial, provenance }) {
      const snapshot = { component, serial };
      const { candidateRun: id, gating } = provenance;
      if (gating?.sets === false) optedOut.add(snapshotName(snapshot));
      else if (id !== undefined && consumerOf(id) === component && !answers.has(id)) answers.set(id, snapshot);
    },
    answers: () =>
      new Map([...answers].map(([id, snapshot]) => [id, { serial: snapshot.serial, state: stateOf(snapshot) }])),
    mayMoveInSets: (snapshot) => !optedOut.has(snapshotName(snapshot)),
  };
}
