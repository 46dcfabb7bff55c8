import type { Clock } from "../../common/clock/clock.ts";
import type { TrainingBackend } from "../component/training-backend.ts";
import type { HostProcess } from "./model-process.ts";

/** Leaves enough of a trainer's grace period for writing the checkpoint. */
const ANSWER_SECONDS = 5;

/**
 * Trains dense models in this process and each run of a user's model module in a separate process, so that every run
 * frees its memory, reads the module's current files, and cannot crash the trainer.
 */
export function createIsolatingBackend(
  host: HostProcess,
  { clock, answerSeconds = ANSWER_SECONDS }: { readonly clock: Clock; readonly answerSeconds?: number },
): TrainingBackend {
  return {
    async train(training) {
      const { model } = training.team;
      // A service that does not train needs neither tfjs nor an engine in memory.
      if (model.kind === "module") {
        const { trainIsolated } = await import("./train-isolated.ts");
        return trainIsolated(training, model.path, host, { clock, answerSeconds });
      }
      const { trainComponent } = await import("../component/train-component.ts");
      return trainComponent(training);
    },
  };
}
