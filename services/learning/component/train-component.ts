import { yieldToEventLoop } from "../../common/async/yield.ts";
import type { UserModelModule } from "../programs/user-model.ts";
import { executeTraining } from "./execute-training.ts";
import { prepareTraining } from "./prepare-training.ts";
import type { ComponentTraining, TrainedComponent } from "./training-backend.ts";

/**
 * Trains one component in this process, as `TrainingBackend.train` does.
 *
 * @param module a model of our own, for a team whose model is a module; users' modules train in a process of their own
 */
export async function trainComponent(training: ComponentTraining, module?: UserModelModule): Promise<TrainedComponent> {
  const { engine, resume, signal, onProgress } = training;
  const prepared = await prepareTraining(training);
  await yieldToEventLoop();
  return executeTraining(prepared, {
    engine,
    ...(module !== undefined && { module }),
    ...(resume !== undefined && { resume }),
    ...(signal !== undefined && { signal }),
    ...(onProgress !== undefined && { onProgress }),
  });
}
