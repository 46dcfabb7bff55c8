import { UncoupleError } from "../../common/errors.ts";
import { seedOf } from "../../common/random-weights.ts";
import { mean } from "../../common/statistics.ts";
import { compositionKey } from "../../pipeline/composition-key.ts";
import { digestOfGate, type GatePolicy } from "../../pipeline/gate.ts";
import { type SnapshotId, snapshotName } from "../../pipeline/manifest.ts";
import { movesName, type Release } from "../../pipeline/release.ts";
import { DeletedError } from "../../pipeline/tombstone.ts";
import { CONFIDENCE_LEVEL, type Composition, type MaybeLoss } from "../../pipeline/verdict.ts";
import { namesOf } from "../../registry/retention.ts";
import { type ComparisonKind, compareLosses } from "../../verdicts/paired/compare-losses.ts";
import { SnapshotFault } from "../../verdicts/snapshot-fault.ts";
import { createLossMeter } from "../gate/loss-meter.ts";
import type { GateRows } from "../gate-rows.ts";
import { releaseNumbered } from "../rollback-target.ts";
import type { PipelineHistory } from "./history.ts";
import { type ReplayDeps, type ReplayedDecision, type ReplayedRelease, replay, type SetRule } from "./replay.ts";

export interface BacktestDeps extends Omit<ReplayDeps, "rows" | "snapshots" | "from" | "start"> {
  readonly history: PipelineHistory;
  /** What is not older is replayed; undefined: everything. */
  readonly since: { readonly release: number } | { readonly at: string } | undefined;
  /** The gate sees screen and confirm rows; what came of it is measured on all. */
  readonly rows: Readonly<Record<"screen" | "confirm" | "all", GateRows>>;
}

/** How a change does on all rows of the backtest. */
export interface Estimate {
  /** Candidate minus release, as a fraction of the release's loss; negative is better. */
  readonly difference: number;
  /** At 95 %, as a fraction as well. */
  readonly interval: readonly [low: number, high: number];
  readonly kind: ComparisonKind;
}

export interface BacktestDecision extends Omit<ReplayedDecision, "released"> {
  /** When the newest snapshot of that step was published, ISO 8601. */
  readonly at: string;
  /** Null if it cannot be measured. */
  readonly estimate: Estimate | null;
  /** The first release that really had these snapshots in use together; null if none did. */
  readonly really: number | null;
}

export interface BacktestStep {
  readonly snapshot: SnapshotId;
  readonly at: string;
  /** Mean pipeline loss on all rows of what was really in use, and of what the gate would have had; null: not measured. */
  readonly actual: MaybeLoss;
  readonly replayed: MaybeLoss;
}

export interface Backtest {
  readonly pipeline: string;
  readonly gate: GatePolicy;
  /** SHA-256 (hex) of the gate. */
  readonly digest: string;
  readonly sets: SetRule;
  readonly steps: readonly BacktestStep[];
  readonly releases: readonly (ReplayedRelease & { readonly at: string })[];
  /** How many releases there really were meanwhile; the store may have none, from before releases were written. */
  readonly actualReleases: number;
  readonly decisions: readonly BacktestDecision[];
  /** Newest decisions on the same moves. */
  readonly outcomes: readonly BacktestDecision[];
  readonly questions: { readonly asked: number; readonly horizon: number };
  /** Refused, and yet better by the estimate. */
  readonly falseRefusals: readonly BacktestDecision[];
  /** Promoted, and yet worse by more than the margin. */
  readonly falsePromotions: readonly BacktestDecision[];
  readonly missing: PipelineHistory["missing"];
}

/** Replays a gate over a pipeline's own history, and compares with what really happened. @throws as `replay` */
export async function backtest(deps: BacktestDeps): Promise<Backtest> {
  const { pipeline, gate, history, rows, since, signal, sets } = deps;
  const { snapshots, releases } = history;
  const beginning = startOf(history, since);
  const from = snapshots.findIndex(({ publishedAt }) => beginning === undefined || publishedAt >= beginning.at);
  const first = from === -1 ? snapshots.length : from;
  const replayed = await replay({ ...deps, snapshots, from: first, start: beginning?.composition ?? {} });
  const meter = createLossMeter(pipeline, rows.all, signal);
  const atOf = (step: number) => snapshots[step]?.publishedAt as string;

  const losses = new Map<string, MaybeLoss>();
  async function lossOf(composition: Composition): Promise<MaybeLoss> {
    const key = compositionKey(pipeline.name, composition);
    const known = losses.get(key);
    if (known !== undefined) return known;
    const pair = await unlessFaulty(() => meter.composed(composition, composition));
    const loss = pair === undefined ? Number.NaN : mean(pair.reference);
    const found = Number.isFinite(loss) ? loss : null;
    losses.set(key, found);
    return found;
  }

  async function estimateOf({ moves, released }: ReplayedDecision): Promise<Estimate | null> {
    const pair = await unlessFaulty(() => meter.composed(released, { ...released, ...moves }));
    const { groupings } = rows.all.structure;
    const seed = seedOf(pipeline.name, movesName(moves));
    const settings = { groupings, level: CONFIDENCE_LEVEL, minimumEffect: 0, seed };
    const compared = pair && (await compareLosses(pair.reference, pair.candidate, settings));
    if (compared === undefined || compared.relative === null) return null;
    const { relative, interval, kind, currentLoss } = compared;
    const [low, high] = interval.map((end) => end / Math.abs(currentLoss)) as [number, number];
    return { difference: relative, interval: [low, high], kind };
  }

  const steps: BacktestStep[] = [];
  for (const [index, inUse] of replayed.inUse.entries()) {
    const step = first + index;
    const { component, serial } = snapshots[step] as SnapshotId;
    const actual = actuallyInUse(history, step);
    steps.push({
      snapshot: { component, serial },
      at: atOf(step),
      actual: await lossOf(actual),
      replayed: await lossOf(inUse),
    });
  }
  const decisions: BacktestDecision[] = [];
  for (const decision of replayed.decisions) {
    const { released: _, ...rest } = decision;
    const together = releases.find(({ composition }) => contains(composition, decision.moves));
    const estimate = await estimateOf(decision);
    decisions.push({ ...rest, at: atOf(decision.step), estimate, really: together?.number ?? null });
  }
  const outcomes = [...new Map(decisions.map((decision) => [movesName(decision.moves), decision])).values()];
  return {
    pipeline: pipeline.name,
    gate,
    digest: digestOfGate(gate),
    sets,
    steps,
    releases: replayed.releases.map((release) => ({
      ...release,
      at: atOf(Math.min(release.step, snapshots.length - 1)),
    })),
    actualReleases: releases.filter(({ at }) => beginning === undefined || at > beginning.at).length,
    decisions,
    outcomes,
    questions: { asked: replayed.questions, horizon: gate.horizon },
    falseRefusals: outcomes.filter(
      ({ decision, estimate }) => decision === "refused" && (estimate?.difference ?? 0) < 0,
    ),
    falsePromotions: outcomes.filter(
      ({ decision, estimate }) => decision === "promoted" && (estimate?.difference ?? 0) > gate.margin,
    ),
    missing: history.missing,
  };
}

/**
 * What was in use when the replay starts, and when that is; undefined: it starts with the first snapshot.
 * @throws UncoupleError `not-found`; `failed-precondition` if it can no longer be composed
 */
function startOf({ releases, snapshots }: PipelineHistory, since: BacktestDeps["since"]) {
  if (since === undefined) return undefined;
  const release =
    "release" in since ? releaseNumbered(releases, since.release) : releases.findLast(({ at }) => at <= since.at);
  const at = "release" in since ? (release as Release).at : since.at;
  const isReplayable = (snapshot: SnapshotId) =>
    snapshots.some(({ component, serial }) => component === snapshot.component && serial === snapshot.serial);
  const lost = namesOf(release?.composition ?? {}).filter((snapshot) => !isReplayable(snapshot));
  if (lost.length === 0) return { at, composition: release?.composition ?? {} };
  throw new UncoupleError(
    "failed-precondition",
    `cannot start from release ${release?.number}: ${lost.map(snapshotName).join(", ")} can no longer be composed (deleted by policy, or quarantined); choose a later --since`,
  );
}

/**
 * What was really in use once a snapshot had been announced and dealt with: the last release before the next announcement.
 * Without a release yet, the newest judged snapshots were.
 */
function actuallyInUse({ releases, snapshots }: PipelineHistory, step: number): Composition {
  const until = snapshots[step + 1]?.publishedAt;
  const release = releases.findLast(({ at }) => until === undefined || at < until);
  if (release !== undefined) return release.composition;
  return Object.fromEntries(snapshots.slice(0, step + 1).map(({ component, serial }) => [component, serial]));
}

function contains(composition: Composition, moves: Composition): boolean {
  return Object.entries(moves).every(([component, serial]) => composition[component] === serial);
}

/** Retention may have deleted what was in use, and what is quarantined now was not always: then there is no loss. */
async function unlessFaulty<T>(measure: () => Promise<T>): Promise<T | undefined> {
  try {
    return await measure();
  } catch (thrown) {
    if (thrown instanceof SnapshotFault || thrown instanceof DeletedError) return undefined;
    throw thrown;
  }
}
