import type { SnapshotHistory } from "../../composition/snapshot-history.ts";
import type { SnapshotId, SnapshotManifest } from "../../pipeline/manifest.ts";
import type { CandidateAnswer } from "../../releases/cotraining.ts";

/** Which snapshots answer requests to train on candidates. */
export interface CandidateAnswers {
  /** Called for each announcement, in order. */
  note(manifest: SnapshotManifest): void;
  /** By `CandidateRun.id`. */
  all(): ReadonlyMap<string, CandidateAnswer>;
}

export function createCandidateAnswers(
  history: Pick<SnapshotHistory, "isQuarantined" | "isDeleted" | "usable">,
): CandidateAnswers {
  /** The first answer counts: a request is answered once. */
  const answers = new Map<string, SnapshotId>();
  const stateOf = (snapshot: SnapshotId): CandidateAnswer["state"] => {
    if (history.isQuarantined(snapshot) || history.isDeleted(snapshot)) return "unusable";
    const isJudged = history.usable(snapshot.component).has(snapshot.serial, Number.POSITIVE_INFINITY);
    return isJudged ? "usable" : "unjudged";
  };
  return {
    note({ component, serial, provenance }) {
      const id = provenance.candidateRun;
      if (id !== undefined && !answers.has(id)) answers.set(id, { component, serial });
    },
    all: () =>
      new Map([...answers].map(([id, snapshot]) => [id, { serial: snapshot.serial, state: stateOf(snapshot) }])),
  };
}
