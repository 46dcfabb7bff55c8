import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import { snapshotName } from "../../pipeline/manifest.ts";
import type { PairedComparison, PipelineMatrix, Quarantine, Verdict } from "../../pipeline/verdict.ts";
import { manifestJson } from "../text/manifest-text.ts";
import { type GatedResults, gatedJson } from "./gated-results.ts";
import type { Role, StoryRecord, StoryRun } from "./story.ts";

export const upstreamRoles = ["initial", "incremental", "consistent"] as const satisfies readonly Role[];
export const downstreamRoles = ["async", "proximal", "causal"] as const satisfies readonly Role[];
export type UpstreamRole = (typeof upstreamRoles)[number];
export type DownstreamRole = (typeof downstreamRoles)[number];

/** An update of M1 with one M2, as the evaluator judged it. */
export interface UpdateOutcome {
  readonly update: UpstreamRole;
  /** `m1@3` */
  readonly snapshot: string;
  /** Null if the evaluator could not compare. */
  readonly comparison: PairedComparison | null;
}

/** One M2 and its pipeline loss with every M1. */
export interface ResultRow {
  readonly protocol: DownstreamRole;
  /** `m2@1` */
  readonly snapshot: string;
  /** End-to-end loss with each M1, scaled so that M2* o M1^0 has 100; null if not measured. */
  readonly normalized: Readonly<Record<UpstreamRole, number | null>>;
  readonly losses: Readonly<Record<UpstreamRole, number | null>>;
  readonly updates: readonly UpdateOutcome[];
}

/** The results of a demo. */
export interface DemoResults {
  readonly version: 1;
  readonly pipeline: string;
  /** Seed of the synthetic data. */
  readonly seed: number;
  readonly backplane: "jetstream" | "memory";
  /** End-to-end loss of the generator's own M2 on M1^0's predictions, before scaling. */
  readonly oracleLoss: number;
  readonly rows: readonly ResultRow[];
  readonly snapshots: readonly SnapshotManifest[];
  readonly verdicts: readonly Verdict[];
  readonly quarantines: readonly Quarantine[];
  readonly matrix: PipelineMatrix;
  readonly runs: readonly Pick<StoryRun, "role" | "run" | "losses">[];
  /** Number of cells in the matrix: pairs of snapshots whose pipeline loss was measured. */
  readonly compositions: number;
  /** The second act, in a pipeline of its own. */
  readonly gated: GatedResults;
  readonly seconds: number;
  readonly codeVersion: string;
}

export interface DemoMetadata {
  readonly pipeline: string;
  readonly seed: number;
  readonly backplane: DemoResults["backplane"];
  readonly oracleLoss: number;
  readonly gated: GatedResults;
  readonly seconds: number;
  readonly codeVersion: string;
}

export function demoResults(record: StoryRecord, metadata: DemoMetadata): DemoResults {
  const { runs, verdicts, quarantines, matrix } = record;
  return {
    version: 1,
    ...metadata,
    rows: downstreamRoles.flatMap((protocol) => {
      const run = runs.find(({ role }) => role === protocol);
      return run === undefined ? [] : [rowOf(protocol, run, record, metadata.oracleLoss)];
    }),
    snapshots: runs.map(({ manifest }) => manifest),
    verdicts,
    quarantines,
    matrix,
    runs: runs.map(({ role, run, losses }) => ({ role, run, losses })),
    compositions: matrix.cells.length,
  };
}

/** Contents of `results.json`. */
export function resultsJson(results: DemoResults): Readonly<Record<string, unknown>> {
  return { ...results, snapshots: results.snapshots.map(manifestJson), gated: gatedJson(results.gated) };
}

function rowOf(protocol: DownstreamRole, { manifest }: StoryRun, record: StoryRecord, oracle: number): ResultRow {
  const upstream = (role: UpstreamRole) => record.runs.find((run) => run.role === role)?.manifest;
  const loss = (role: UpstreamRole) =>
    record.matrix.cells.find(
      (cell) => cell.upstreamSerial === upstream(role)?.serial && cell.downstreamSerial === manifest.serial,
    )?.loss ?? null;
  const each = <T>(value: (role: UpstreamRole) => T): Readonly<Record<UpstreamRole, T>> => ({
    initial: value("initial"),
    incremental: value("incremental"),
    consistent: value("consistent"),
  });
  return {
    protocol,
    snapshot: snapshotName(manifest),
    losses: each(loss),
    normalized: each((role) => {
      const measured = loss(role);
      return measured === null ? null : (100 * measured) / oracle;
    }),
    updates: (["incremental", "consistent"] as const).flatMap((update) => {
      const published = upstream(update);
      if (published === undefined) return [];
      const name = snapshotName(published);
      const verdict = record.verdicts.find((one) => snapshotName(one) === name);
      return [{ update, snapshot: name, comparison: verdict === undefined ? null : comparisonWith(verdict, manifest) }];
    }),
  };
}

/** The comparison of a verdict that was made with a given snapshot of a consumer. */
function comparisonWith(verdict: Verdict, { component, serial }: SnapshotManifest): PairedComparison | null {
  const all = verdict.comparison === null ? [] : [verdict.comparison, ...verdict.alternatives];
  return all.find(({ candidate }) => candidate[component] === serial) ?? null;
}
