import type { Clock } from "../../common/clock/clock.ts";
import { trainComponent } from "../component/train-component.ts";
import type { TrainingBackend } from "../component/training-backend.ts";
import type { HostProcess } from "./model-process.ts";
import { trainIsolated } from "./train-isolated.ts";

/** With the time that a checkpoint takes, well within the grace period of a trainer. */
const ANSWER_SECONDS = 5;

/**
 * Trains dense models in this process and each run of a user's model module in a process of its own, so that its memory
 * comes back, its files are read anew, and its faults stay its own.
 */
export function createIsolatingBackend(
  host: HostProcess,
  { clock, answerSeconds = ANSWER_SECONDS }: { readonly clock: Clock; readonly answerSeconds?: number },
): TrainingBackend {
  return {
    async train(training) {
      const { model } = training.team;
      return model.kind === "module"
        ? trainIsolated(training, model.path, host, { clock, answerSeconds })
        : trainComponent(training);
    },
  };
}
