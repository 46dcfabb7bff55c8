import type { Engine, RunningEngine, TrainingSession } from "../interface/engine.ts";
import type { TrainingProgram } from "../interface/program.ts";
import type { RecordedStep } from "./tracing/record-step.ts";

/** An engine that compiles recorded steps, taken apart so that another one can record once and inspect what was compiled. */
export interface CompiledEngine<Compiled> extends Engine {
  /** @throws UncoupleError `invalid-argument` if it cannot compile the step */
  compile(recorded: RecordedStep, program: TrainingProgram): Compiled;
  /**
   * Opens a session with a compiled program.
   *
   * @param data as for `prepare`
   * @param running as which engine, and why; default: this one by its own reason
   * @throws UncoupleError as `prepare`
   */
  open(
    compiled: Compiled,
    program: TrainingProgram,
    data: Readonly<Record<string, Float32Array>>,
    rows: number,
    running?: RunningEngine,
  ): Promise<TrainingSession>;
}
