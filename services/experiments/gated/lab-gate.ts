import { seedOf } from "../../common/random-weights.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import { ancestors } from "../../pipeline/dag.ts";
import { DEFAULT_GATE, digestOfGate, type GatePolicy } from "../../pipeline/gate.ts";
import { type SnapshotId, snapshotName } from "../../pipeline/manifest.ts";
import type { Component } from "../../pipeline/pipeline.ts";
import type { Decision, DecisionReason, LedgerEntry } from "../../pipeline/release.ts";
import { CONFIDENCE_LEVEL, type Composition } from "../../pipeline/verdict.ts";
import { namesOf } from "../../registry/retention.ts";
import {
  type CandidateAnswer,
  type CandidateRunPlan,
  type CotrainingInput,
  closedCandidates,
  planCandidateRuns,
  retrainedSets,
} from "../../releases/cotraining.ts";
import { decide } from "../../releases/gate/decide.ts";
import { createLedgerState } from "../../releases/ledger-state.ts";
import { searchSets } from "../../releases/sets/search-sets.ts";
import { compareLosses } from "../../verdicts/paired/compare-losses.ts";
import type { Lab, Models } from "../lab/lab.ts";
import type { LabParts } from "./lab-parts.ts";
import { createLabSnapshots } from "./lab-snapshots.ts";

export interface LabGateOptions {
  /** The lab's rows, divided as the default gate divides them. */
  readonly parts: LabParts;
  /** Questions that the confirm rows may be asked, at least 1. The fewer are declared, the fewer rows a question needs. */
  readonly horizon: number;
  /** Whether snapshots may move together. */
  readonly sets: boolean;
  /**
   * Trains a consumer on a candidate. None: no team co-trains.
   * @param attempt 1, 2, 3: each trains with another seed
   */
  retrain?(consumer: string, upstream: Models, attempt: number): Promise<SnapshotModel>;
}

/** A pipeline in a lab whose updates are released by a gate, with the product's decisions, sets and requests to co-train. */
export interface LabGate {
  /** The serials in use. */
  released(): Composition;
  /** The models in use. */
  models(): Models;
  /** What the snapshot in use was trained on. */
  trainedOn(component: string): Composition;
  /**
   * Announces a snapshot, and lets the gate act until it has nothing more to decide or to request.
   * @returns its serial
   */
  announce(component: string, model: SnapshotModel, trainedOn: Composition): Promise<number>;
}

/** Newest snapshots of a component that may be promoted, and compositions that a search measures: as evaluators have them. */
const RETAINED = 8;
const BUDGET = 600;
/** Of the held-out rows, which stay the same. */
const GENERATION = 1;
/** What every entry of the ledger has, although it is not read here. */
const STAMP = { version: 1, at: "1970-01-01T00:00:00.000Z" } as const;
type Unstamped<E> = E extends LedgerEntry ? Omit<E, "version" | "pipeline" | "at"> : never;

/**
 * Opens a pipeline in a lab under the default gate, but for the horizon, in force. Trainings and decisions take no time.
 * @param first the models of release 1, each trained on the others
 */
export function openLabGate(lab: Lab, first: Models, { parts, horizon, sets, retrain }: LabGateOptions): LabGate {
  const gate: GatePolicy = { ...DEFAULT_GATE, mode: "enforce", horizon };
  const digest = digestOfGate(gate);
  const { pipeline, signal } = lab;
  const snapshots = createLabSnapshots();
  const screen = parts.rowsOf("screen", snapshots.modelsOf);
  const confirm = parts.rowsOf("confirm", snapshots.modelsOf);
  const state = createLedgerState();
  /** Snapshots whose own loss was better than that of the one in use when they were announced. */
  const improved = new Set<string>();
  const answers = new Map<string, CandidateAnswer>();
  let position = 0;
  let searched: string | undefined;

  const append = (entry: Unstamped<LedgerEntry>): void => {
    position += 1;
    state.note({ position, value: { ...entry, ...STAMP, pipeline: pipeline.name } });
  };
  const release = (composition: Composition, cause: "founded" | "decision"): void => {
    const previous = state.release()?.number ?? null;
    append({
      entry: "release",
      number: (previous ?? 0) + 1,
      previous,
      composition,
      kind: "promote",
      cause: cause === "founded" ? { type: "founded" } : { type: "decision", position },
      pinned: [],
      gate: digest,
    });
  };
  const current = () => state.release() as NonNullable<ReturnType<typeof state.release>>;

  const newest = (component: string) => snapshots.newest(component)?.serial;
  const standing = (moves: Composition): Decision | undefined => {
    const decision = state.decisionOn(moves)?.value;
    return decision?.release === current().number ? decision : undefined;
  };
  const forbidden = (moves: Composition): readonly DecisionReason[] =>
    state.isUnconfirmed({ ...current().composition, ...moves }, GENERATION) ? ["not-confirmed"] : [];
  const candidates = (): readonly SnapshotId[] =>
    snapshots
      .newerThan(current().composition)
      .filter(({ component, serial }) => serial > (newest(component) ?? 0) - RETAINED);

  async function hasImprovedOwn({ component, serial }: SnapshotId): Promise<boolean> {
    const { composition } = current();
    const before = await screen.losses.rowLosses(component, composition);
    const after = await screen.losses.rowLosses(component, { ...composition, [component]: serial });
    const settings = {
      groupings: [],
      level: CONFIDENCE_LEVEL,
      minimumEffect: 0,
      drawShared: parts.drawShared,
      seed: seedOf(pipeline.name, component, serial),
    };
    const compared = await compareLosses(before, after, settings);
    return compared !== undefined && compared.interval[1] < 0;
  }

  /** Decides on moves, and releases them if they are promoted. */
  async function decideOn(moves: Composition, needing: boolean): Promise<void> {
    const { number, composition } = current();
    const questions = state.questions(GENERATION, "confirm");
    const ownImproved = needing && namesOf(moves).some((one) => improved.has(snapshotName(one)));
    const outcome = await decide(
      { moves, release: current(), ownImproved },
      {
        pipeline,
        gate,
        screen,
        confirm: questions < gate.horizon ? confirm : undefined,
        recent: state.recent(),
        forbidden: forbidden(moves),
        signal,
      },
    );
    const { asked, ...rest } = outcome;
    decided(moves, number, rest, asked ? { part: "confirm", question: questions + 1 } : null);
    if (outcome.decision === "promoted") release({ ...composition, ...moves }, "decision");
  }

  function decided(
    moves: Composition,
    number: number,
    outcome: Pick<Decision, "decision" | "reasons" | "criteria" | "needs">,
    asked: Decision["asked"],
  ): void {
    append({
      entry: "decision",
      moves,
      release: number,
      ...outcome,
      asked,
      mode: gate.mode,
      gate: digest,
      generation: GENERATION,
      by: "lab",
      seconds: 0,
    });
  }

  /** Searches once for the same snapshots against the same release. @returns whether it decided on a set */
  async function decideSet(): Promise<boolean> {
    const { number, composition } = current();
    const free = candidates();
    const key = [number, ...free.map(snapshotName)].join(" ");
    if (free.length === 0 || key === searched) return false;
    searched = key;
    const found = await searchSets({
      pipeline,
      screen,
      release: composition,
      movable: (component) => free.filter((one) => one.component === component).map(({ serial }) => serial),
      trainedOn: (component, serial) => snapshots.get(component, serial).trainedOn,
      isClosed: (one) => state.isUnconfirmed(one, GENERATION),
      margin: gate.margin,
      budget: BUDGET,
      signal,
    });
    if (found === undefined || standing(found.moves) !== undefined) return false;
    await decideOn(found.moves, false);
    return true;
  }

  const cotrainingInput = (): CotrainingInput => ({
    pipeline,
    release: current(),
    held: state.standing().filter(({ decision, needs }) => decision === "held" && needs.length > 0),
    requests: state.requests(),
    answers,
    newest,
    cotrains: () => retrain !== undefined,
    isWorse(moves) {
      const decision = standing(moves);
      if (decision === undefined || decision.decision === "promoted") return false;
      return decision.criteria.length === 0 || decision.criteria.some(({ screened }) => !screened);
    },
  });

  async function decideRetrained(): Promise<boolean> {
    const set = retrainedSets(cotrainingInput()).find((moves) => standing(moves) === undefined);
    if (set === undefined) return false;
    await decideOn(set, true);
    return true;
  }

  /** Requests, cancels or closes; a request is answered at once. */
  async function cotrain(train: NonNullable<LabGateOptions["retrain"]>): Promise<boolean> {
    const input = cotrainingInput();
    const [closed] = closedCandidates(input);
    if (closed !== undefined) {
      const outcome = {
        decision: "refused",
        reasons: ["self-defeating-after-retraining"],
        criteria: [],
        needs: [],
      } as const;
      decided(closed, current().number, outcome, null);
      return true;
    }
    const [plan] = planCandidateRuns(input);
    if (plan === undefined) return false;
    append(plan);
    if (plan.state === "requested") await answer(plan, train);
    return true;
  }

  async function answer(
    { id, consumer, upstream, attempt }: CandidateRunPlan,
    train: NonNullable<LabGateOptions["retrain"]>,
  ) {
    const model = await train(consumer, snapshots.modelsOf(upstream), attempt);
    answers.set(id, { serial: await note(consumer, model, upstream), state: "usable" });
  }

  async function note(component: string, model: SnapshotModel, trainedOn: Composition): Promise<number> {
    const snapshot = snapshots.announce(component, model, trainedOn);
    if (await hasImprovedOwn(snapshot)) improved.add(snapshotName(snapshot));
    return snapshot.serial;
  }

  /** One decision or request, in the order in which evaluators make them. @returns false if there is nothing to do */
  async function step(): Promise<boolean> {
    for (const { component, serial } of candidates()) {
      const moves = { [component]: serial };
      if (standing(moves) !== undefined) continue;
      await decideOn(moves, true);
      return true;
    }
    if (retrain !== undefined && (await decideRetrained())) return true;
    if (sets && (await decideSet())) return true;
    return retrain !== undefined && cotrain(retrain);
  }

  const ones = (components: readonly Component[]) => Object.fromEntries(components.map(({ name }) => [name, 1]));
  for (const { name } of pipeline.components) {
    snapshots.announce(name, first[name] as SnapshotModel, ones(ancestors(pipeline.components, name)));
  }
  release(ones(pipeline.components), "founded");

  return {
    released: () => current().composition,
    models: () => snapshots.modelsOf(current().composition),
    trainedOn: (component) => snapshots.get(component, current().composition[component] as number).trainedOn,
    async announce(component, model, trainedOn) {
      const serial = await note(component, model, trainedOn);
      while (await step()) signal.throwIfAborted();
      return serial;
    },
  };
}
