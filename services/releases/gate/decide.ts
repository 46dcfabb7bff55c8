import { seedOf } from "../../common/random-weights.ts";
import type { GatePolicy } from "../../pipeline/gate.ts";
import { objectiveClosure } from "../../pipeline/objectives.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { type DecisionReason, movesName, type Release } from "../../pipeline/release.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { GateRows } from "../gate-rows.ts";
import { type Answer, answerOf } from "./answer.ts";
import { bestRelease } from "./best-release.ts";
import { confirmed } from "./confirm.ts";
import { createLossMeter } from "./loss-meter.ts";
import { type Conclusion, consumersToRetrain, outcomeOf } from "./outcome.ts";
import { questionsOf } from "./questions.ts";
import { sliceCriteria } from "./slice-criteria.ts";

/** An update, or a set of updates, that would move together. */
export interface Proposal {
  /** What would move, component to serial; at least one. */
  readonly moves: Composition;
  readonly release: Pick<Release, "number" | "composition">;
  /** Whether the component's own loss improved: its verdict's `componentInterval` is below 0. */
  readonly ownImproved: boolean;
}

export interface DecideDeps {
  readonly pipeline: Pipeline;
  readonly gate: GatePolicy;
  /** Asked as often as one likes; all numbers of the outcome are of these rows. */
  readonly screen: GateRows;
  /** Rows that answer one question; undefined if they have answered as many as the horizon allows. */
  readonly confirm: GateRows | undefined;
  /** The last releases, for `drift`; may contain the current one. */
  readonly recent: readonly Pick<Release, "number" | "composition">[];
  /** Reasons not to promote, whatever is measured, such as a freeze; then nothing is asked. */
  readonly forbidden: readonly DecisionReason[];
  readonly signal: AbortSignal;
}

export interface GateOutcome extends Conclusion {
  /** Whether the confirm rows were asked, which is one question. */
  readonly asked: boolean;
}

/**
 * Decides whether a gate promotes an update. Screen rows are asked first. Only if they promise every criterion are the
 * confirm rows asked, once: whether each criterion holds at the gate's level. Nothing else about these rows is in the
 * outcome. What cannot be measured, or has too few rows, never passes.
 *
 * @throws SnapshotFault for a snapshot whose fault does not depend on what it reads; the reason of the signal's abort
 */
export async function decide(proposal: Proposal, deps: DecideDeps): Promise<GateOutcome> {
  const { moves, release, ownImproved } = proposal;
  const { pipeline, gate, screen, confirm, recent, forbidden, signal } = deps;
  const moved = Object.keys(moves);
  const candidate = { ...release.composition, ...moves };
  const lacking = objectiveClosure(pipeline).filter((name) => release.composition[name] === undefined);
  const seed = seedOf(pipeline.name, movesName(moves));
  const meter = createLossMeter(pipeline, screen, signal);

  const best = await bestRelease(pipeline, release.composition, recent, meter);
  const questions = questionsOf({ pipeline, gate, release: release.composition, candidate, moved, best });
  const answers: Answer[] = [];
  for (const question of questions) {
    answers.push(await answerOf(question, meter, { gate, seed }));
  }
  const slices =
    gate.slices.length === 0
      ? []
      : await sliceCriteria(gate.slices, await meter.composed(release.composition, candidate), screen.structure, {
          pipeline,
          seed,
        });

  const isPromising = [...answers, ...slices.map(({ criterion }) => criterion)].every(({ screened }) => screened);
  const asked = isPromising && forbidden.length === 0 && confirm !== undefined;
  const bits = asked
    ? await confirmed(questions, createLossMeter(pipeline, confirm, signal), { gate, seed })
    : undefined;
  return {
    ...outcomeOf({
      pipeline,
      moved,
      answers,
      slices,
      bits,
      forbidden,
      needs: ownImproved && lacking.length === 0 ? consumersToRetrain(pipeline, moved) : [],
      lacking,
    }),
    asked,
  };
}
