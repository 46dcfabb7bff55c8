import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { CandidateRunPlan } from "../../releases/cotraining.ts";
import type { Judgement } from "../../verdicts/judgement.ts";
import type { Fate } from "../records/policy-run.ts";

/** A snapshot that has just got its verdict. */
export interface JudgedSnapshot {
  readonly component: string;
  readonly serial: number;
  readonly judgement: Judgement;
  /** The serials of all its ancestors that it was trained on. */
  readonly upstream: Composition;
  /** The request that it answers, by `CandidateRun.id`. */
  readonly answers?: string;
}

/** What follows from a new snapshot. */
export interface RuleOutcome {
  /** What moves, one release after another. */
  readonly releases: readonly Composition[];
  /** What became of snapshots that do not move, the new one and earlier ones. */
  readonly fates: readonly (readonly [component: string, serial: number, fate: Exclude<Fate, "deployed">])[];
  /** Trainings on candidates that are wanted, or no longer wanted. */
  readonly requests: readonly CandidateRunPlan[];
}

/** Decides what gets into use. */
export interface ReleaseRule {
  /** @param at in ticks; @param epoch of the held-out rows */
  decide(snapshot: JudgedSnapshot, at: number, epoch: number): Promise<RuleOutcome>;
  /** Goes on after a split. @param composition in use from now on, of the pipeline's components */
  reorganize(pipeline: Pipeline, composition: Composition, at: number, epoch: number): Promise<RuleOutcome>;
}
