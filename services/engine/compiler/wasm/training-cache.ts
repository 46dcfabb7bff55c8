import { RecentlyUsed } from "../../../common/recently-used.ts";
import type { TrainingProgram } from "../../interface/program.ts";
import type { RecordedStep } from "../tracing/record-step.ts";
import { stepKey } from "../tracing/step-key.ts";
import { compileWasmTraining, type WasmTraining } from "./compile-training.ts";

const TRAININGS_KEPT = 32;

/** Compiled programs by the structure of their recorded step, the least recently used dropped first. */
export class TrainingCache {
  private readonly trainings = new RecentlyUsed<WasmTraining>(TRAININGS_KEPT);

  /** As `compileWasmTraining`, which runs only for the first program of a structure. */
  compile(recorded: RecordedStep, program: TrainingProgram): WasmTraining {
    const { batch, resident, streamed } = program;
    const key = JSON.stringify([batch, Object.keys(resident), streamed, stepKey(recorded.step)]);
    const training = this.trainings.get(key, () => compileWasmTraining(recorded, program));
    return { ...training, initial: recorded.initial };
  }
}
