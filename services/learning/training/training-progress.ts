import type { TrainingState } from "../../engine/interface/program.ts";

/** All that a run needs to go on where it stopped, and end as if it had not stopped. */
export interface TrainingCheckpoint {
  /** Steps done. With the seed it is the random state and the data cursor too. */
  readonly step: number;
  readonly state: TrainingState;
  /** Losses of the last steps, at most 100. */
  readonly recentLosses: readonly number[];
}

export interface TrainingProgress {
  /** Steps done. */
  readonly step: number;
  readonly steps: number;
  /** Mean over the chunk. */
  readonly loss: number;
  readonly learningRate: number;
  readonly stepsPerSecond: number;
  /** Copies the state: costs as much as a step or two. */
  checkpoint(): Promise<TrainingCheckpoint>;
}
