import { digestOfGate, type GatePolicy } from "../../pipeline/gate.ts";
import { type SnapshotId, snapshotName } from "../../pipeline/manifest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Decision, LedgerEntry, Release } from "../../pipeline/release.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import {
  type CandidateAnswer,
  type CandidateRunPlan,
  type CotrainingInput,
  closedCandidates,
  planCandidateRuns,
  retrainedSets,
} from "../../releases/cotraining.ts";
import { decide } from "../../releases/gate/decide.ts";
import type { GateRows } from "../../releases/gate-rows.ts";
import { createLedgerState } from "../../releases/ledger-state.ts";
import { searchSets } from "../../releases/sets/search-sets.ts";
import type { ReleaseStyle } from "../policies/policy.ts";
import type { JudgedSnapshot, ReleaseRule, RuleOutcome } from "./rule.ts";

export interface GateRuleDeps {
  readonly pipeline: Pipeline;
  readonly gate: GatePolicy;
  readonly style: Pick<ReleaseStyle & { readonly by: "gate" }, "sets" | "cotrains">;
  /** In use at the start. */
  readonly initial: Composition;
  /** The parts of the held-out rows of an epoch. */
  rowsOf(epoch: number): { readonly screen: GateRows; readonly confirm: GateRows };
  readonly signal: AbortSignal;
}

/**
 * Snapshots of a component that a gate may promote, and compositions that one search for sets measures: fewer than the
 * evaluators' 8 and 600, with which a search takes a second after every snapshot in an organization of 50 teams.
 */
const RETAINED = 3;
const BUDGET = 200;
/** A tick counts as a week in the ledger's times, which only people read. */
const TICK_MS = 7 * 24 * 3600 * 1000;

/**
 * An enforced gate: decides as the evaluators' gate loop does, with the same functions and on a ledger of its own, until
 * there is nothing left to decide.
 */
export function createGateRule(deps: GateRuleDeps): ReleaseRule {
  const { gate, style, signal } = deps;
  let { pipeline } = deps;
  const digest = digestOfGate(gate);
  const state = createLedgerState();
  /** Newer than what is released, in the order of their announcement. */
  let candidates: JudgedSnapshot[] = [];
  const newest = new Map(Object.entries(deps.initial));
  const answers = new Map<string, CandidateAnswer>();
  let position = 0;
  /** What the last search for sets was about. */
  let searched = "";

  noteRelease(deps.initial, { type: "founded" }, 0);

  function base(at: number): Pick<LedgerEntry, "version" | "pipeline" | "at"> {
    return { version: 1, pipeline: pipeline.name, at: new Date(TICK_MS * at).toISOString() };
  }

  function note(value: LedgerEntry): void {
    position += 1;
    state.note({ position, value });
  }

  function noteRelease(composition: Composition, cause: Release["cause"], at: number): void {
    const previous = state.release()?.number ?? null;
    note({
      entry: "release",
      number: (previous ?? 0) + 1,
      composition,
      previous,
      kind: "promote",
      cause,
      pinned: [],
      gate: digest,
      ...base(at),
    });
  }

  const current = () => state.release() as Release;

  /** The decision on these moves against what is released, if it still holds. */
  function inForce(moves: Composition, epoch: number): Decision | undefined {
    const decision = state.decisionOn(moves)?.value;
    return decision?.release === current().number && decision.generation === epoch ? decision : undefined;
  }

  /** One pass of decisions after a snapshot. */
  function createPass(at: number, epoch: number) {
    const { screen, confirm } = deps.rowsOf(epoch);
    const releases: Composition[] = [];
    const fates: RuleOutcome["fates"][number][] = [];
    const requests: CandidateRunPlan[] = [];

    function append(moves: Composition, outcome: Pick<Decision, "decision" | "reasons"> & Partial<Decision>): void {
      note({
        entry: "decision",
        moves,
        release: current().number,
        criteria: [],
        needs: [],
        mode: "enforce",
        gate: digest,
        generation: epoch,
        asked: null,
        by: "simulator",
        seconds: 0,
        ...outcome,
        ...base(at),
      });
      const [only, ...others] = Object.entries(moves);
      if (outcome.decision === "promoted") promote(moves);
      else if (only !== undefined && others.length === 0 && outcome.decision !== "void") {
        fates.push([...only, outcome.decision === "refused" ? "rejected" : "held"]);
      }
    }

    function promote(moves: Composition): void {
      noteRelease({ ...current().composition, ...moves }, { type: "decision", position }, at);
      releases.push(moves);
      candidates = candidates.filter(({ component, serial }) => serial > (current().composition[component] ?? 0));
    }

    async function decideOn(moves: Composition, isNeeding: boolean): Promise<void> {
      const questions = state.questions(epoch, "confirm");
      const isUnconfirmed = state.isUnconfirmed({ ...current().composition, ...moves }, epoch);
      const isManual = Object.keys(moves).some((name) => gate.hold.includes(name));
      const { asked, ...outcome } = await decide(
        { moves, release: current(), ownImproved: isNeeding && improvesItself(moves) },
        {
          pipeline,
          gate,
          screen,
          confirm: questions < gate.horizon ? confirm : undefined,
          recent: state.recent(),
          forbidden: [...(isManual ? ["manual"] : []), ...(isUnconfirmed ? ["not-confirmed"] : [])],
          signal,
        },
      );
      append(moves, { ...outcome, asked: asked ? { part: "confirm", question: questions + 1 } : null });
    }

    /** @returns whether it decided */
    async function decideSets(): Promise<boolean> {
      const key = [current().number, epoch, ...candidates.map(snapshotName)].join(" ");
      if (candidates.length === 0 || key === searched) return false;
      const found = await searchSets({
        pipeline,
        screen,
        release: current().composition,
        movable: (component) =>
          candidates
            .filter((one) => one.component === component && !gate.hold.includes(component))
            .map(({ serial }) => serial)
            .sort((a, b) => a - b),
        trainedOn: (component, serial) =>
          candidates.find((one) => one.component === component && one.serial === serial)?.upstream ?? {},
        isClosed: (composition) => state.isUnconfirmed(composition, epoch),
        margin: gate.margin,
        budget: BUDGET,
        signal,
      });
      searched = key;
      if (found === undefined || inForce(found.moves, epoch) !== undefined) return false;
      await decideOn(found.moves, false);
      return true;
    }

    /** Requests are about the pipeline that they were made in. */
    function cancelRequests(why: string): void {
      for (const { version: _, pipeline: __, at: ___, ...request } of state.requests()) {
        const plan: CandidateRunPlan = { ...request, state: "cancelled", why };
        note({ ...plan, ...base(at) });
        requests.push(plan);
      }
    }

    /** @returns whether it decided */
    async function decideRetrained(): Promise<boolean> {
      const set = retrainedSets(cotrainingInput()).find((moves) => inForce(moves, epoch) === undefined);
      if (set === undefined) return false;
      await decideOn(set, true);
      return true;
    }

    /** Asks for trainings on candidates, or refuses those that are out of attempts. @returns whether it did either */
    function request(): boolean {
      const input = cotrainingInput();
      const [closed] = closedCandidates(input);
      if (closed !== undefined) {
        const { criteria = [] } = inForce(closed, epoch) ?? {};
        append(closed, { decision: "refused", reasons: ["self-defeating-after-retraining"], criteria });
        return true;
      }
      const [plan] = planCandidateRuns(input);
      if (plan === undefined) return false;
      note({ ...plan, ...base(at) });
      requests.push(plan);
      return true;
    }

    function cotrainingInput(): CotrainingInput {
      return {
        pipeline,
        release: current(),
        held: state
          .standing()
          .filter(({ moves, decision, needs }) => decision === "held" && needs.length > 0 && inForce(moves, epoch)),
        requests: state.requests(),
        answers,
        newest: (component) => newest.get(component),
        cotrains: () => true,
        isWorse(moves) {
          const decision = inForce(moves, epoch);
          if (decision === undefined || decision.decision === "promoted") return false;
          return decision.criteria.length === 0 || decision.criteria.some(({ screened }) => !screened);
        },
      };
    }

    async function step(): Promise<boolean> {
      const undecided = candidates.find(
        ({ component, serial }) => inForce({ [component]: serial }, epoch) === undefined,
      );
      if (undecided !== undefined) {
        await decideOn({ [undecided.component]: undecided.serial }, true);
        return true;
      }
      if (style.cotrains && (await decideRetrained())) return true;
      if (style.sets && (await decideSets())) return true;
      return style.cotrains && request();
    }

    /** What is left behind by a release is superseded by it, whatever was decided before. */
    const isOpen = ([component, serial, fate]: (typeof fates)[number]) =>
      fate === "superseded" || serial > (current().composition[component] ?? 0);

    return {
      step,
      cancelRequests,
      drop: ({ component, serial }: SnapshotId) => void fates.push([component, serial, "superseded"]),
      outcome: (): RuleOutcome => ({ releases, fates: fates.filter(isOpen), requests }),
    };
  }

  function improvesItself(moves: Composition): boolean {
    return candidates.some(
      ({ component, serial, judgement }) => moves[component] === serial && (judgement.componentInterval?.[1] ?? 0) < 0,
    );
  }

  /** Drops the oldest candidates of a component beyond those that are retained. @returns them */
  function dropOld(component: string): readonly SnapshotId[] {
    const own = candidates.filter((one) => one.component === component);
    const old = own.slice(0, Math.max(0, own.length - RETAINED));
    candidates = candidates.filter((one) => !old.includes(one));
    return old;
  }

  return {
    async decide(snapshot, at, epoch) {
      const { component, serial } = snapshot;
      candidates.push(snapshot);
      newest.set(component, Math.max(serial, newest.get(component) ?? 0));
      if (snapshot.answers !== undefined) answers.set(snapshot.answers, { serial, state: "usable" });
      const pass = createPass(at, epoch);
      for (const old of dropOld(component)) pass.drop(old);
      while (await pass.step()) signal.throwIfAborted();
      return pass.outcome();
    },
    async reorganize(next, composition, at, epoch) {
      pipeline = next;
      candidates = candidates.filter(({ component }) => composition[component] !== undefined);
      for (const [name, serial] of Object.entries(composition)) if (!newest.has(name)) newest.set(name, serial);
      // As evaluators do with the first snapshot of a component.
      noteRelease(composition, { type: "bootstrap" }, at);
      const pass = createPass(at, epoch);
      pass.cancelRequests("a team was split");
      while (await pass.step()) signal.throwIfAborted();
      return pass.outcome();
    },
  };
}
