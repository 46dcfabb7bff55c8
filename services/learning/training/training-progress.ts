import type { TrainingState } from "../../engine/interface/program.ts";

/** Everything a run needs to resume where it stopped and end with the bits of an uninterrupted run. */
export interface TrainingCheckpoint {
  /** Steps done. Together with the seed, also the random state and the data cursor. */
  readonly step: number;
  readonly state: TrainingState;
  /** Losses of the last steps, oldest first; at most 100. */
  readonly recentLosses: readonly number[];
}

/** Reported after every chunk of steps. */
export interface TrainingProgress {
  /** Steps done. */
  readonly step: number;
  readonly steps: number;
  /** Mean loss over the chunk. */
  readonly loss: number;
  readonly learningRate: number;
  readonly stepsPerSecond: number;
  /** Copies the state, which costs about as much as one or two steps. */
  checkpoint(): Promise<TrainingCheckpoint>;
}
