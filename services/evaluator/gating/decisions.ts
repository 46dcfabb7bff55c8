import { type Clock, secondsSince, timestamp } from "../../common/clock/clock.ts";
import { asUncoupleError } from "../../common/errors.ts";
import { isInfrastructureFailure } from "../../composition/hosted-snapshot.ts";
import type { PipelineView } from "../../composition/pipeline-view.ts";
import { frozenAt } from "../../pipeline/freeze.ts";
import { digestOfGate, type GatePolicy } from "../../pipeline/gate.ts";
import type { SnapshotId } from "../../pipeline/manifest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { type Decision, type DecisionReason, movesName } from "../../pipeline/release.ts";
import { DeletedError } from "../../pipeline/tombstone.ts";
import type { Composition, QuarantineReason } from "../../pipeline/verdict.ts";
import type { Backplane } from "../../registry/backplane.ts";
import { namesOf } from "../../registry/retention.ts";
import type { CompositionTests } from "../../releases/composition-tests.ts";
import type { DecideDeps, GateOutcome, Proposal } from "../../releases/gate/decide.ts";
import { decideTested } from "../../releases/gate/decide-tested.ts";
import type { GateRows } from "../../releases/gate-rows.ts";
import type { LedgerState } from "../../releases/ledger-state.ts";
import type { Logger } from "../../runtime/logs.ts";
import { SnapshotFault } from "../../verdicts/snapshot-fault.ts";
import { forbiddenReasons, isInForce, type Moment, releasedNow } from "./candidates.ts";
import type { GateGeneration } from "./gate-generation.ts";
import type { GateMetrics } from "./gate-metrics.ts";

export interface DecisionsDeps {
  /** This evaluator's name. */
  readonly evaluator: string;
  readonly pipeline: Pipeline;
  readonly gate: GatePolicy;
  readonly rows: Readonly<Record<GateRows["part"], GateRows>>;
  readonly tests: CompositionTests;
  readonly backplane: Pick<Backplane, "ledger" | "verdicts">;
  readonly view: Pick<PipelineView, "history" | "noteDeleted">;
  readonly state: LedgerState;
  readonly generation: Pick<GateGeneration, "settled">;
  /** Takes a snapshot out of use that cannot be composed. */
  quarantine(snapshot: SnapshotId, reason: QuarantineReason, detail: string): Promise<void>;
  readonly metrics: Pick<GateMetrics, "decided">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a gate decides, appended to the ledger. Everything is decided on the ledger as `state` has it. */
export interface Decisions {
  /** The newest decision on these moves; undefined if it is void, or what it was decided on has changed. */
  inForce(moves: Composition): Decision | undefined;
  /** The reasons that forbid asking about moves. */
  forbidden(moves: Composition): readonly DecisionReason[];
  /** Questions that are left of the rows that are asked now. */
  questionsLeft(): number;
  /**
   * Decides on moves against the release and appends the decision, unless another entry came first: then the ledger has to be
   * read again. Quarantines a snapshot that turns out to be unusable instead.
   * @param needing whether consumers may be asked to retrain if a snapshot of the moves has improved its own loss
   * @throws UncoupleError infrastructure failures; what else fails is decided as `missing` after several times
   */
  decide(moves: Composition, needing: boolean, signal: AbortSignal): Promise<void>;
  /** Appends a decision that needs no measuring. */
  append(moves: Composition, outcome: PlainOutcome): Promise<void>;
}

export type PlainOutcome = Pick<Decision, "decision" | "reasons"> &
  Partial<Pick<Decision, "criteria" | "detail" | "release">>;

/** After this many failures of its own in this process, a decision is held as `missing`. */
const MAX_FAILURES = 5;

export function createDecisions(deps: DecisionsDeps): Decisions {
  const { evaluator, pipeline, gate, rows, backplane, view, state, generation, metrics, clock, log } = deps;
  const digest = digestOfGate(gate);
  /** Failures in this process, by moves and release. */
  const failures = new Map<string, number>();
  const current = () => releasedNow(pipeline, state);
  const numberOfRows = () => generation.settled().generation;

  /** The rows that are asked now, and the number of the next question. */
  function asking():
    | { readonly rows: GateRows; readonly part: "confirm" | "reserve"; readonly question: number }
    | undefined {
    const parts = state.isReserveOpen(numberOfRows()) ? (["confirm", "reserve"] as const) : (["confirm"] as const);
    for (const part of parts) {
      const asked = state.questions(numberOfRows(), part);
      if (asked < gate.horizon) return { rows: rows[part], part, question: asked + 1 };
    }
    return undefined;
  }

  const forbidden = (moves: Composition) => {
    const { composition: released, pinned } = current();
    const isFrozen = frozenAt(pipeline.freeze, timestamp(clock)) !== undefined;
    return forbiddenReasons(moves, { gate, pinned, isFrozen, state, released, generation: numberOfRows() });
  };

  const moment = (moves: Composition): Moment => ({
    release: current().number,
    gate: digest,
    generation: numberOfRows(),
    mode: gate.mode,
    forbidden: forbidden(moves),
    canAsk: asking() !== undefined,
  });

  async function improvedOwn(moves: Composition): Promise<boolean> {
    const verdicts = await Promise.all(
      namesOf(moves).map(({ component, serial }) => backplane.verdicts.get(component, serial)),
    );
    return verdicts.some((verdict) => verdict?.componentInterval != null && verdict.componentInterval[1] < 0);
  }

  /** Recent releases that could be in use: all sound, and nothing that a person took back. */
  function recent() {
    const isUsable = (snapshot: SnapshotId) =>
      view.history.sound(snapshot.component).has(snapshot.serial, Number.POSITIVE_INFINITY) &&
      state.orderOn(snapshot) === undefined;
    return state.recent().filter(({ composition }) => namesOf(composition).every(isUsable));
  }

  async function outcomeOf(
    proposal: Omit<Proposal, "ownImproved">,
    knowing: Pick<DecideDeps, "confirm" | "recent" | "forbidden" | "signal">,
    needing: boolean,
  ): Promise<GateOutcome> {
    const ownImproved = needing && (await improvedOwn(proposal.moves));
    const { tests: _, ...outcome } = await decideTested(
      { ...proposal, ownImproved },
      { pipeline, gate, screen: rows.screen, tests: deps.tests, ...knowing },
    );
    return outcome;
  }

  const missing = (detail: string): GateOutcome => ({
    decision: "held",
    reasons: ["missing"],
    criteria: [],
    needs: [],
    asked: false,
    detail,
  });

  /** @returns undefined if the view has changed instead: a snapshot is quarantined, or was deleted */
  async function withoutFaults(key: string, measure: () => Promise<GateOutcome>, signal: AbortSignal) {
    try {
      return await measure();
    } catch (thrown) {
      if (thrown instanceof DeletedError) {
        view.noteDeleted(thrown.snapshot);
        return undefined;
      }
      if (thrown instanceof SnapshotFault) {
        // What is in use gets there without the gate, by its verdict alone.
        if (gate.mode === "observe") return missing(thrown.message);
        await deps.quarantine(thrown, thrown.reason, thrown.message);
        return undefined;
      }
      const { code, message } = asUncoupleError(thrown);
      if (signal.aborted || isInfrastructureFailure(code)) throw thrown;
      const failed = (failures.get(key) ?? 0) + 1;
      failures.set(key, failed);
      if (failed < MAX_FAILURES) throw thrown;
      return missing(`deciding failed ${failed} times: ${message}`);
    }
  }

  async function append(
    moves: Composition,
    outcome: PlainOutcome & Partial<Pick<Decision, "needs" | "asked" | "seconds">>,
    after: number,
  ): Promise<void> {
    const { detail, ...rest } = outcome;
    const decision: Decision = {
      version: 1,
      entry: "decision",
      pipeline: pipeline.name,
      moves,
      release: current().number,
      criteria: [],
      needs: [],
      asked: null,
      seconds: 0,
      ...rest,
      mode: gate.mode,
      gate: digest,
      generation: numberOfRows(),
      ...(detail !== undefined && { detail }),
      by: evaluator,
      at: timestamp(clock),
    };
    if ((await backplane.ledger.append(decision, after)) === undefined) return;
    metrics.decided(decision.decision);
    const { release, reasons, needs, asked, mode, seconds } = decision;
    log.info(
      { moves: movesName(moves), release, reasons, needs, asked, mode, seconds },
      `gate: ${movesName(moves)} ${decision.decision}${reasons.length === 0 ? "" : ` (${reasons.join(", ")})`}`,
    );
  }

  return {
    inForce(moves) {
      const newest = state.decisionOn(moves)?.value;
      return newest !== undefined && isInForce(newest, moment(moves)) ? newest : undefined;
    },
    forbidden,
    questionsLeft() {
      const asked = asking();
      return asked === undefined ? 0 : gate.horizon - asked.question + 1;
    },
    async decide(moves, needing, signal) {
      const started = clock.elapsed();
      const asked = asking();
      // The view goes on while this measures: it decides on what it knew when it began.
      const after = state.endOf("decision");
      const release = current();
      const knowing = { confirm: asked?.rows, recent: recent(), forbidden: forbidden(moves), signal };
      const outcome = await withoutFaults(
        `${movesName(moves)} ${release.number}`,
        () => outcomeOf({ moves, release }, knowing, needing),
        signal,
      );
      if (outcome === undefined) return;
      const { asked: hasAsked, ...rest } = outcome;
      const question = hasAsked && asked !== undefined ? { part: asked.part, question: asked.question } : null;
      const measured = { ...rest, release: release.number, asked: question, seconds: secondsSince(clock, started) };
      await append(moves, measured, after);
    },
    append: (moves, outcome) => append(moves, outcome, state.endOf("decision")),
  };
}
