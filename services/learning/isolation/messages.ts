import type { ErrorCode } from "../../common/errors.ts";
import type { Engine, RunningEngine } from "../../engine/interface/engine.ts";
import type { PreparedTraining } from "../component/prepare-training.ts";
import type { TrainedComponent } from "../component/training-backend.ts";
import type { TrainingResult } from "../training/run-training.ts";
import type { TrainingCheckpoint, TrainingProgress } from "../training/training-progress.ts";
import type { ShippedTraining } from "../units/run-in-units.ts";

/** Messages from a trainer to the process of a user's model module, which loads the module before the first one. */
export type ToModelProcess =
  | {
      readonly kind: "train";
      readonly prepared: PreparedTraining;
      /** An engine that has started on this machine. */
      readonly engine: Pick<Engine, "name" | "reason">;
      readonly resume: TrainingCheckpoint | undefined;
      /** Whether the trainer has the steps run in units; this process then sends the training instead of running it. */
      readonly inUnits: boolean;
      /** As `ModelLooks.at`. */
      readonly looksAt: readonly number[];
    }
  /** Replies to `shipped`, before `rounds-done`: asks for a look at this state. */
  | { readonly kind: "reached"; readonly checkpoint: TrainingCheckpoint }
  /** Replies to `look`. */
  | { readonly kind: "looked"; readonly goOn: boolean }
  /** Replies to `shipped`. */
  | { readonly kind: "rounds-done"; readonly result: TrainingResult }
  /** Replies to `started` and `progress`; to `progress` any number of `checkpoint`, then one `continue`. */
  | { readonly kind: "checkpoint" }
  | { readonly kind: "continue" };

export type FromModelProcess =
  /** Sent once before the first step; training waits for `continue`. */
  | { readonly kind: "started"; readonly engine: RunningEngine }
  /** The model after one of `looksAt`; training waits for `looked`. */
  | { readonly kind: "look"; readonly step: number; readonly bytes: Uint8Array }
  /** Replies to `reached`, after its look. */
  | { readonly kind: "decided"; readonly goOn: boolean }
  /** The training as data; waits for `rounds-done`. */
  | { readonly kind: "shipped"; readonly shipped: ShippedTraining }
  /** Sent after every chunk; training waits for the reply. */
  | { readonly kind: "progress"; readonly progress: Omit<TrainingProgress, "checkpoint"> }
  | { readonly kind: "checkpoint"; readonly checkpoint: TrainingCheckpoint }
  | { readonly kind: "trained"; readonly trained: TrainedComponent }
  /** May be sent at any time; always the last message. */
  | { readonly kind: "failed"; readonly error: SerializedError };

/** A serialized `UncoupleError`. */
export interface SerializedError {
  readonly code: ErrorCode;
  readonly message: string;
  /** Stack trace of the process that threw it. */
  readonly stack: string | undefined;
}
