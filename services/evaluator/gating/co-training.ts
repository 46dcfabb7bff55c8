import { type Clock, timestamp } from "../../common/clock/clock.ts";
import type { PipelineView } from "../../composition/pipeline-view.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { movesName } from "../../pipeline/release.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { Backplane } from "../../registry/backplane.ts";
import { namesOf } from "../../registry/retention.ts";
import {
  type CotrainingInput,
  closedCandidates,
  MAX_CANDIDATE_ATTEMPTS,
  planCandidateRuns,
  retrainedSets,
} from "../../releases/cotraining.ts";
import type { LedgerState } from "../../releases/ledger-state.ts";
import type { Logger } from "../../runtime/logs.ts";
import type { AnnouncedProvenance } from "./announced-provenance.ts";
import { releasedNow } from "./candidates.ts";
import type { Decisions } from "./decisions.ts";

export interface CoTrainingDeps {
  readonly pipeline: Pipeline;
  readonly backplane: Pick<Backplane, "ledger">;
  readonly view: Pick<PipelineView, "history" | "newest">;
  readonly state: LedgerState;
  readonly provenance: Pick<AnnouncedProvenance, "answers" | "mayMoveInSets">;
  readonly decisions: Pick<Decisions, "inForce" | "decide" | "append">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Training on candidates. Each returns whether it appended to the ledger. */
export interface CoTraining {
  /** Decides on a candidate together with the consumers that were retrained on it. */
  decideRetrained(signal: AbortSignal): Promise<boolean>;
  /** Requests and cancels trainings, and refuses candidates that are out of attempts. */
  request(): Promise<boolean>;
}

export function createCoTraining(deps: CoTrainingDeps): CoTraining {
  const { pipeline, backplane, view, state, provenance, decisions, clock, log } = deps;
  const { history } = view;

  /** Whether screen rows say that moves that were decided on miss a margin: more than that rows are too few to tell. */
  function isWorse(moves: Composition): boolean {
    const decision = decisions.inForce(moves);
    if (decision === undefined || decision.decision === "promoted") return false;
    return decision.criteria.some(
      ({ screened, difference, margin }) => !screened && difference !== null && difference >= margin,
    );
  }

  function input(): CotrainingInput {
    const held = state
      .standing()
      .filter(({ decision, needs }) => decision === "held" && needs.length > 0)
      .filter(({ moves }) => decisions.inForce(moves) !== undefined && namesOf(moves).every(provenance.mayMoveInSets));
    return {
      pipeline,
      release: releasedNow(pipeline, state),
      held,
      requests: state.requests(),
      answers: provenance.answers(),
      newest: (component) => history.sound(component).newest(1, Number.POSITIVE_INFINITY)[0],
      cotrains(component) {
        const gating = view.newest(component)?.provenance.gating;
        return gating?.cotrain === true && gating.sets;
      },
      isWorse,
    };
  }

  return {
    async decideRetrained(signal) {
      const [set] = retrainedSets(input()).filter((moves) => decisions.inForce(moves) === undefined);
      if (set === undefined) return false;
      await decisions.decide(set, true, signal);
      return true;
    },
    async request() {
      const now = input();
      for (const moves of closedCandidates(now)) {
        const reasons = ["self-defeating-after-retraining"];
        const detail = `worse with each of ${MAX_CANDIDATE_ATTEMPTS} trainings of its consumers on it; uncouple diagnose ${movesName(moves)} names the cause`;
        const criteria = decisions.inForce(moves)?.criteria ?? [];
        await decisions.append(moves, { decision: "refused", reasons, criteria, detail });
        return true;
      }
      const [plan] = planCandidateRuns(now);
      if (plan === undefined) return false;
      const entry = { ...plan, version: 1 as const, pipeline: pipeline.name, at: timestamp(clock) };
      const appended = await backplane.ledger.append(entry, state.endOf("candidate-run"));
      if (appended !== undefined)
        log.info({ ...plan }, `training on a candidate: ${plan.id} ${plan.state}: ${plan.why}`);
      return true;
    },
  };
}
