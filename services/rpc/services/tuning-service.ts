import type { SearchParameters } from "../../pipeline/search.ts";
import type { Study, Trial } from "../../pipeline/study.ts";

export interface StartStudy {
  /** Trials that the study samples; 0: only those of `runTrial`. */
  readonly trials: number;
  /** Trials at a time; defaults to 1. */
  readonly parallel?: number;
  /** Text of a team file (YAML) with a search; defaults to the trainer's own. */
  readonly teamFile?: string;
}

export interface ExtendStudy {
  readonly id: string;
  /** In all. */
  readonly trials: number;
  /** Defaults to what it was. */
  readonly parallel?: number;
}

/** The trainer's interface for studies, on server and client. A client adds the errors that it adds to a `TrainerService`. */
export interface TuningService {
  /**
   * Starts a study, which is durable when this returns.
   * @throws UncoupleError `invalid-argument` (the team file, with every problem), `failed-precondition` (the team file has no
   *   search, or the trainer is starting, stopping, or has another pipeline file than the one in force)
   */
  startStudy(request: StartStudy): Promise<Study>;
  /** @throws UncoupleError `not-found`; `unavailable` while the trainer starts, as all methods that name a study */
  getStudy(id: string): Promise<Study>;
  /** Newest first. */
  listStudies(): Promise<readonly Study[]>;
  /**
   * Yields the study's current state and its changes until it is no longer active or the signal aborts. A slow reader skips
   * states, but never the last one.
   * @throws UncoupleError `not-found`, `unavailable` if the trainer stops first
   */
  watchStudy(id: string, signal: AbortSignal): AsyncIterable<Study>;
  /** @throws UncoupleError `not-found` */
  stopStudy(id: string): Promise<Study>;
  /** @throws UncoupleError `not-found`, `failed-precondition` as `startStudy` */
  extendStudy(request: ExtendStudy): Promise<Study>;
  /**
   * Runs a trial and yields its changes until it has ended. If the signal aborts, the trial ends and counts as pruned.
   * @throws UncoupleError `not-found`, `invalid-argument` (a key or value that a team file cannot have), `failed-precondition`
   *   (the study was stopped or has failed), `unavailable` if the trainer stops first
   */
  runTrial(study: string, parameters: SearchParameters, signal: AbortSignal): AsyncIterable<Trial>;
}
