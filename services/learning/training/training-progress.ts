import type { TrainingState } from "../../engine/interface/program.ts";

/** Everything a run needs to resume where it stopped and end with the bits of an uninterrupted run. */
export interface TrainingCheckpoint {
  /** Steps done. Together with the seed, also the random state and the data cursor. */
  readonly step: number;
  readonly state: TrainingState;
  /** Losses of the last steps, oldest first; at most 100. */
  readonly recentLosses: readonly number[];
}

/** Steps after which someone looks at a training before it goes on. */
export interface TrainingLooks {
  /** Ascending, each greater than 0 and less than the number of steps. */
  readonly at: readonly number[];
  /**
   * Called after each of these steps that the training reaches, and awaited. A training that resumes at one of them is looked
   * at again: it may have been interrupted before the look.
   * @returns whether to go on; otherwise the training ends as it is
   */
  look(checkpoint: TrainingCheckpoint): Promise<boolean>;
}

/** Reported after every chunk of steps. */
export interface TrainingProgress {
  /** Steps done. */
  readonly step: number;
  readonly steps: number;
  /** Of each step of the chunk, in order. */
  readonly losses: Float32Array;
  /** Mean loss over the chunk. */
  readonly loss: number;
  readonly learningRate: number;
  readonly stepsPerSecond: number;
  /** Copies the state, which costs about as much as one or two steps. */
  checkpoint(): Promise<TrainingCheckpoint>;
}
