import type { GatePolicy } from "../../pipeline/gate.ts";
import { type SnapshotManifest, snapshotName } from "../../pipeline/manifest.ts";
import type { Decision, Release } from "../../pipeline/release.ts";
import type { Composition, PipelineMatrix, Quarantine, Verdict } from "../../pipeline/verdict.ts";
import { manifestJson } from "../text/manifest-text.ts";
import type { GatedRecord, GatedRun } from "./gated-story.ts";

/** The composition in use from a moment on. */
export interface InUse {
  /** ISO 8601. */
  readonly at: string;
  readonly composition: Composition;
  /** Pipeline loss on screen rows; null if it was not measured, such as of an incomplete composition. */
  readonly loss: number | null;
  /** The loss, scaled so that the first complete release has 100. */
  readonly normalized: number | null;
}

/** The results of the act under a gate. */
export interface GatedResults {
  readonly pipeline: string;
  readonly gate: GatePolicy;
  /** Oldest first. */
  readonly releases: readonly Release[];
  /** In the order of the ledger. */
  readonly decisions: readonly { readonly position: number; readonly decision: Decision }[];
  readonly inUse: {
    /** One per release. */
    readonly released: readonly InUse[];
    /** What would have been in use without a gate: the newest judged snapshots. */
    readonly newest: readonly InUse[];
  };
  readonly snapshots: readonly SnapshotManifest[];
  readonly verdicts: readonly Verdict[];
  readonly quarantines: readonly Quarantine[];
  readonly matrix: PipelineMatrix;
  readonly runs: readonly Pick<GatedRun, "role" | "run" | "losses">[];
  /** ISO 8601. */
  readonly endedAt: string;
}

export function gatedResults(record: GatedRecord, pipeline: string, gate: GatePolicy): GatedResults {
  const { runs, verdicts, quarantines, releases, decisions, matrix, endedAt } = record;
  const loss = ({ m1, m2 }: Composition): number | null =>
    matrix.cells.find(({ upstreamSerial, downstreamSerial }) => upstreamSerial === m1 && downstreamSerial === m2)
      ?.loss ?? null;
  const reference = releases.map(({ composition }) => loss(composition)).find((found) => found !== null) ?? null;
  const inUse = (at: string, composition: Composition): InUse => {
    const measured = loss(composition);
    const normalized = measured === null || reference === null ? null : 100 * (measured / reference);
    return { at, composition, loss: measured, normalized };
  };
  return {
    pipeline,
    gate,
    releases,
    decisions: decisions.map(({ position, value: decision }) => ({ position, decision })),
    inUse: {
      released: releases.map(({ at, composition }) => inUse(at, composition)),
      newest: verdicts.map(({ judgedAt }, index) => inUse(judgedAt, newestOf(verdicts.slice(0, index + 1)))),
    },
    snapshots: runs.map(({ manifest }) => manifest),
    verdicts,
    quarantines,
    matrix,
    runs: runs.map(({ role, run, losses }) => ({ role, run, losses })),
    endedAt,
  };
}

/** Its part of `results.json`. */
export function gatedJson(results: GatedResults): Readonly<Record<string, unknown>> {
  return { ...results, snapshots: results.snapshots.map(manifestJson) };
}

/** The snapshot of a role; undefined without one. */
export function snapshotOf(role: GatedRun["role"], { runs }: Pick<GatedResults, "runs">): string | undefined {
  const run = runs.find((one) => one.role === role)?.run;
  return run === undefined || run.snapshot === null
    ? undefined
    : snapshotName({ component: run.component, serial: run.snapshot });
}

function newestOf(verdicts: readonly Verdict[]): Composition {
  const newest: Record<string, number> = {};
  for (const { component, serial } of verdicts) newest[component] = Math.max(serial, newest[component] ?? 0);
  return newest;
}
