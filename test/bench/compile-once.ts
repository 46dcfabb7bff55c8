import { compileModule } from "../../services/common/wasm/web-assembly.ts";
import { benchmarkProgram } from "../../services/engine/benchmark-program.ts";
import { recordStep } from "../../services/engine/compiler/tracing/record-step.ts";
import { compileTraining } from "../../services/engine/compiler/training.ts";
import { compileWasmTraining } from "../../services/engine/compiler/wasm/compile-training.ts";
import type { TrainingProgram } from "../../services/engine/interface/program.ts";

/** Compiles 8-64-1 several times with the engine named by the argument, and sends the durations in milliseconds. */
const COMPILERS: Readonly<Record<string, (program: TrainingProgram) => unknown>> = {
  wasm: (program) => compileModule(compileWasmTraining(recordStep(program), program).bytes),
  "onnx:cpu": compileTraining,
};
const compile = COMPILERS[process.argv[2] as string] as (program: TrainingProgram) => unknown;
const durations = Array.from({ length: 8 }, () => {
  const start = performance.now();
  compile(benchmarkProgram([8, 64, 1], 64));
  return performance.now() - start;
});
process.send?.(durations, () => process.exit(0));
