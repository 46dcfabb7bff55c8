import { compositionKey } from "../../pipeline/composition-key.ts";
import { DRIFT_RELEASES, type GatePolicy } from "../../pipeline/gate.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { type DecisionReason, movesName } from "../../pipeline/release.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import { SnapshotFault } from "../../verdicts/snapshot-fault.ts";
import type { CompositionTests } from "../composition-tests.ts";
import { decideTested, type TestedOutcome } from "../gate/decide-tested.ts";
import type { GateRows } from "../gate-rows.ts";
import { SET_BUDGET, searchSets } from "../sets/search-sets.ts";
import type { PastSnapshot } from "./history.ts";

/** What sets may move: what its team allows, everything, or nothing. */
export const SET_RULES = ["teams", "all", "none"] as const;
export type SetRule = (typeof SET_RULES)[number];

export interface ReplayDeps {
  readonly pipeline: Pipeline;
  readonly gate: GatePolicy;
  readonly rows: Readonly<Record<"screen" | "confirm", GateRows>>;
  /** Of the pipeline, on screen rows. */
  readonly tests: CompositionTests;
  /** In the order of announcement. */
  readonly snapshots: readonly PastSnapshot[];
  /** The first snapshot to replay, by its place in the list; those before it are known from the start. */
  readonly from: number;
  /** What is in use before it. */
  readonly start: Composition;
  readonly sets: SetRule;
  /** The newest snapshots of a component that may be promoted. */
  readonly retained: number;
  readonly signal: AbortSignal;
  onProgress?(done: number, total: number): void;
}

/** A decision of the gate that is replayed. */
export interface ReplayedDecision extends TestedOutcome {
  /** The place of the newest snapshot at that time. */
  readonly step: number;
  readonly moves: Composition;
  /** The number of the replayed release that it was judged against. */
  readonly against: number;
  /** What that release had in use. */
  readonly released: Composition;
}

export interface ReplayedRelease {
  /** 1, 2, 3, ... */
  readonly number: number;
  readonly step: number;
  readonly composition: Composition;
  /** `first`: components without a release get their first snapshot, as a person would have given it, whatever its tests say. */
  readonly cause: "start" | "first" | "decision";
}

export interface Replay {
  readonly decisions: readonly ReplayedDecision[];
  readonly releases: readonly ReplayedRelease[];
  /** What is in use after each step. */
  readonly inUse: readonly Composition[];
  /** Asked of the confirm rows. */
  readonly questions: number;
}

/**
 * Lets a gate decide about past snapshots in the order of their announcement, as the gate of an evaluator does under
 * `enforce`: single updates first, then sets; a release makes everything that is newer be decided again. Orders of people,
 * freezes and training on candidates are not replayed.
 *
 * @throws what the losses throw, except a SnapshotFault: then the decision is held
 */
export async function replay(deps: ReplayDeps): Promise<Replay> {
  const { pipeline, gate, rows, tests, snapshots, from, start, signal } = deps;
  const decisions: ReplayedDecision[] = [];
  const releases: ReplayedRelease[] = [];
  const inUse: Composition[] = [];
  /** Moves that were decided on against the release in use. */
  const decided = new Set<string>();
  const unconfirmed = new Set<string>();
  let searched: string | undefined;
  let questions = 0;
  let step = from;
  const wholeKey = (composition: Composition) => compositionKey(pipeline.name, composition);
  const current = (): Pick<ReplayedRelease, "number" | "composition"> =>
    releases.at(-1) ?? { number: 0, composition: {} };

  function release(composition: Composition, cause: ReplayedRelease["cause"]): void {
    releases.push({ number: current().number + 1, step, composition, cause });
    decided.clear();
    searched = undefined;
  }

  /** The newest `retained` of each component that are newer than the released one, in the order of announcement. */
  function candidates(): readonly PastSnapshot[] {
    const { composition } = current();
    const found: PastSnapshot[] = [];
    const counts = new Map<string, number>();
    for (const snapshot of snapshots.slice(0, step + 1).reverse()) {
      const { component, serial } = snapshot;
      const count = counts.get(component) ?? 0;
      if (serial <= (composition[component] ?? 0) || count >= deps.retained) continue;
      counts.set(component, count + 1);
      found.push(snapshot);
    }
    return found.reverse();
  }

  function forbidden(moves: Composition): readonly DecisionReason[] {
    const isManual = Object.keys(moves).some((name) => gate.hold.includes(name));
    const isUnconfirmed = unconfirmed.has(wholeKey({ ...current().composition, ...moves }));
    return [...(isManual ? ["manual"] : []), ...(isUnconfirmed ? ["not-confirmed"] : [])];
  }

  async function outcomeOf(moves: Composition, ownImproved: boolean): Promise<TestedOutcome> {
    try {
      return await decideTested(
        { moves, release: current(), ownImproved },
        {
          pipeline,
          gate,
          screen: rows.screen,
          confirm: questions < gate.horizon ? rows.confirm : undefined,
          recent: releases.slice(-DRIFT_RELEASES),
          forbidden: forbidden(moves),
          tests,
          signal,
        },
      );
    } catch (thrown) {
      if (!(thrown instanceof SnapshotFault)) throw thrown;
      const { message: detail } = thrown;
      return { decision: "held", reasons: ["missing"], criteria: [], needs: [], asked: false, detail, tests: [] };
    }
  }

  async function decideOn(moves: Composition, ownImproved: boolean): Promise<void> {
    const { number: against, composition: released } = current();
    const outcome = await outcomeOf(moves, ownImproved);
    decided.add(movesName(moves));
    decisions.push({ ...outcome, step, moves, against, released });
    if (outcome.asked) questions += 1;
    const whole = { ...released, ...moves };
    if (outcome.decision === "promoted") release(whole, "decision");
    else if (outcome.asked) unconfirmed.add(wholeKey(whole));
  }

  /** @returns whether it decided on a set */
  async function decideOnSet(free: readonly PastSnapshot[]): Promise<boolean> {
    const key = free.map(({ component, serial }) => `${component}@${serial}`).join(" ");
    if (deps.sets === "none" || free.length === 0 || key === searched) return false;
    searched = key;
    const movable = free.filter(
      ({ sets, component }) => (sets || deps.sets === "all") && !gate.hold.includes(component),
    );
    const found = await searchSets({
      pipeline,
      screen: rows.screen,
      release: current().composition,
      movable: (name) => movable.filter(({ component }) => component === name).map(({ serial }) => serial),
      trainedOn: (name, at) =>
        movable.find(({ component, serial }) => component === name && serial === at)?.upstream ?? {},
      isClosed: (composition) => unconfirmed.has(wholeKey(composition)),
      margin: gate.margin,
      budget: SET_BUDGET,
      signal,
    });
    if (found === undefined || decided.has(movesName(found.moves))) return false;
    await decideOn(found.moves, false);
    return true;
  }

  /** @returns false if there is nothing to do */
  async function act(): Promise<boolean> {
    const { composition } = current();
    const now = candidates();
    const first = now.findLast(({ component }) => composition[component] === undefined);
    if (first !== undefined) {
      release({ ...composition, [first.component]: first.serial }, "first");
      return true;
    }
    const next = now.find(({ component, serial }) => !decided.has(movesName({ [component]: serial })));
    if (next !== undefined) {
      await decideOn({ [next.component]: next.serial }, next.ownImproved);
      return true;
    }
    return decideOnSet(now);
  }

  if (Object.keys(start).length > 0) release(start, "start");
  for (; step < snapshots.length; step++) {
    while (await act()) signal.throwIfAborted();
    inUse.push(current().composition);
    deps.onProgress?.(inUse.length, snapshots.length - from);
  }
  return { decisions, releases, inUse, questions };
}
