import { type SnapshotManifest, snapshotName } from "../pipeline/manifest.ts";
import type { Decision, Order } from "../pipeline/release.ts";
import type { SnapshotOrigin } from "../pipeline/shared.ts";
import type { Composition } from "../pipeline/verdict.ts";
import type { LedgerState } from "./ledger-state.ts";

/** A judged, sound snapshot that is newer than the one in use. */
export interface CandidateStatus {
  readonly serial: number;
  readonly publishedAt: string;
  /** Kind of its verdict. */
  readonly verdict: string;
  /** The decision about it alone, beside the newest release; null: none yet, or no gate. */
  readonly decision: Decision | null;
  /** What a person told the gate about it. */
  readonly order: Order | null;
}

export interface ComponentStatus {
  readonly component: string;
  readonly inUse: number | null;
  readonly newest: number | null;
  /** Of the newest: the snapshot of another pipeline that it is. */
  readonly origin?: SnapshotOrigin;
  /** Of a component of another pipeline. */
  readonly shared?: SharedStatus;
  /** Whether only a person moves it. */
  readonly isPinned: boolean;
  /** Oldest first. */
  readonly candidates: readonly CandidateStatus[];
}

export interface SharedStatus {
  /** `ads/click` or `ads/click@7`, as in the pipeline file. */
  readonly from: string;
  /** Why the newest snapshot is not the one that the owner uses; null if it is. */
  readonly notLinked: string | null;
}

export interface StatusInput {
  readonly components: readonly string[];
  /** What is in use, component to serial. */
  readonly inUse: Composition;
  /** In the order of announcement. */
  readonly manifests: readonly SnapshotManifest[];
  /** Kind of verdict by name of the snapshot; none for snapshots that are quarantined or deleted. */
  readonly verdicts: ReadonlyMap<string, string>;
  readonly state: Pick<LedgerState, "release" | "decisionOn" | "orderOn">;
  /** By the name of the component. */
  readonly shared: ReadonlyMap<string, SharedStatus>;
}

/** Where each component of a pipeline stands. */
export function releaseStatus({
  components,
  inUse,
  manifests,
  verdicts,
  state,
  shared,
}: StatusInput): readonly ComponentStatus[] {
  const release = state.release();
  return components.map((component) => {
    const own = manifests.filter((manifest) => manifest.component === component);
    const used = inUse[component];
    const candidates = own.flatMap(({ serial, publishedAt }): CandidateStatus[] => {
      const verdict = verdicts.get(snapshotName({ component, serial }));
      if (verdict === undefined || serial <= (used ?? 0)) return [];
      const decision = state.decisionOn({ [component]: serial })?.value;
      const isCurrent = decision?.release === (release?.number ?? 0) && decision.decision !== "void";
      return [
        {
          serial,
          publishedAt,
          verdict,
          decision: isCurrent ? decision : null,
          order: state.orderOn({ component, serial }) ?? null,
        },
      ];
    });
    const newest = own.at(-1);
    const origin = newest?.provenance.origin;
    const link = shared.get(component);
    return {
      component,
      inUse: used ?? null,
      newest: newest?.serial ?? null,
      ...(origin !== undefined && { origin }),
      ...(link !== undefined && { shared: link }),
      isPinned: release?.pinned.includes(component) ?? false,
      candidates,
    };
  });
}
