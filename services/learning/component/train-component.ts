import { yieldToEventLoop } from "../../common/async/yield.ts";
import type { UserModelModule } from "../programs/user-model.ts";
import { runInUnits } from "../units/run-in-units.ts";
import { executeTraining } from "./execute-training.ts";
import { prepareTraining } from "./prepare-training.ts";
import type { ComponentTraining, TrainedComponent } from "./training-backend.ts";
import { unitPlanOf } from "./unit-training.ts";

/**
 * Trains one component in this process, as `TrainingBackend.train` does.
 *
 * @param module the imported module of a team whose model is one. For trusted modules only: users' modules train in a
 *   separate process
 */
export async function trainComponent(training: ComponentTraining, module?: UserModelModule): Promise<TrainedComponent> {
  const { engine, resume, signal, looks, onStart, onProgress } = training;
  const prepared = await prepareTraining(training);
  await yieldToEventLoop();
  const units = unitPlanOf(training);
  return executeTraining(prepared, {
    engine,
    ...(units !== undefined && {
      train: (run) => runInUnits(run, units.plan, units.runner, units.rule, training.onUnits),
    }),
    ...(module !== undefined && { module }),
    ...(resume !== undefined && { resume }),
    ...(signal !== undefined && { signal }),
    ...(looks !== undefined && { looks }),
    ...(onStart !== undefined && { onStart }),
    ...(onProgress !== undefined && { onProgress }),
  });
}
