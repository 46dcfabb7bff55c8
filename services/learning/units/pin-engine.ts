import { UncoupleError } from "../../common/errors.ts";
import type { RecordedStep } from "../../engine/compiler/tracing/record-step.ts";
import { compileWasmTraining } from "../../engine/compiler/wasm/compile-training.ts";
import { UnsupportedOperator } from "../../engine/compiler/wasm/lower/unsupported.ts";
import type { Engine, RunningEngine } from "../../engine/interface/engine.ts";
import type { TrainingProgram } from "../../engine/interface/program.ts";
import { runningEngine } from "../../engine/interface/running-engine.ts";
import { isShippingEngine } from "../../engine/shipped/shipping-engine.ts";

/**
 * Returns the engine whose numerics class a training in units is pinned to. `auto`: `wasm`, which every processor runs with
 * the same bits, if it has all the program's operators, otherwise `onnx:cpu`.
 *
 * @throws UncoupleError `failed-precondition` if the engine runs no program that was recorded elsewhere
 */
export function pinEngine(engine: Engine, recorded: RecordedStep, program: TrainingProgram): RunningEngine {
  const { name, reason } = engine;
  if (name === "auto" || reason === "gpu") {
    try {
      compileWasmTraining(recorded, program);
      return runningEngine("wasm", "estimate", "the same bits on every processor");
    } catch (thrown) {
      if (!(thrown instanceof UnsupportedOperator)) throw thrown;
      return runningEngine("onnx:cpu", "unsupported", `WebAssembly has no operator ${thrown.operator}`);
    }
  }
  if (isShippingEngine(name)) return runningEngine(name, reason);
  throw new UncoupleError(
    "failed-precondition",
    `engine ${name} cannot be used with workers: it does not compile training steps, which workers need; use auto, wasm or onnx`,
  );
}
