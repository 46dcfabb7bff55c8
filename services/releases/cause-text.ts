import { snapshotName } from "../pipeline/manifest.ts";
import type { Release } from "../pipeline/release.ts";

/** Who or what made a release, in words: `ada: passed the audit`, `the gate`, `m1@3 was quarantined`. */
export function causeText({ cause }: Pick<Release, "cause">): string {
  switch (cause.type) {
    case "founded":
      return "what was in use when the ledger began";
    case "ungated":
      return "newest judged snapshots";
    case "bootstrap":
      return "first snapshot of its component (bootstrap: newest)";
    case "decision":
      return "the gate";
    case "quarantine":
      return `${snapshotName(cause.snapshot)} was quarantined`;
    case "person":
      return cause.reason === null ? cause.by : `${cause.by}: ${cause.reason}`;
  }
}
