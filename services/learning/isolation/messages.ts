import type { ErrorCode } from "../../common/errors.ts";
import type { PreparedTraining } from "../component/prepare-training.ts";
import type { TrainedComponent } from "../component/training-backend.ts";
import type { TrainingCheckpoint, TrainingProgress } from "../training/training-progress.ts";

/** What a trainer sends to the process of a user's model module. The process loads the module without being asked. */
export type ToModelProcess =
  | {
      readonly kind: "train";
      readonly prepared: PreparedTraining;
      /** As `Engine.name`: an engine that has started on this machine. */
      readonly engine: string;
      readonly resume: TrainingCheckpoint | undefined;
    }
  /** Both answer a `progress`; a `checkpoint` may come any number of times before the `continue`. */
  | { readonly kind: "checkpoint" }
  | { readonly kind: "continue" };

export type FromModelProcess =
  /** After every chunk; training waits for the answer. */
  | { readonly kind: "progress"; readonly progress: Omit<TrainingProgress, "checkpoint"> }
  | { readonly kind: "checkpoint"; readonly checkpoint: TrainingCheckpoint }
  | { readonly kind: "trained"; readonly trained: TrainedComponent }
  /** May come at any time, and is the last message. */
  | { readonly kind: "failed"; readonly error: CarriedError };

/** An `UncoupleError` between processes. */
export interface CarriedError {
  readonly code: ErrorCode;
  readonly message: string;
  /** Where it was thrown. */
  readonly stack: string | undefined;
}
