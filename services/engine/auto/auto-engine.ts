import { yieldToEventLoop } from "../../common/async/yield.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { type RecordedStep, recordStep } from "../compiler/tracing/record-step.ts";
import type { WasmTraining } from "../compiler/wasm/compile-training.ts";
import { UnsupportedOperator } from "../compiler/wasm/lower/unsupported.ts";
import type { Engine, RunningEngine } from "../interface/engine.ts";
import type { TrainingProgram } from "../interface/program.ts";
import { checkData } from "../interface/program-shape.ts";
import { runningEngine } from "../interface/running-engine.ts";
import { createOnnxEngine } from "../onnx/onnx-engine.ts";
import { createWasmEngine, sessionPlan } from "../wasm/wasm-engine.ts";
import { MOST_BYTES, memoryOf } from "../wasm/wasm-instance.ts";
import { estimateStep } from "./estimate-step.ts";

/** Kept free for the batches and the noise of a chunk. */
const CHUNK_BYTES = 64 * 2 ** 20;

/** An engine for a program, and the compiled program if the engine is `wasm`. */
export interface Choice {
  readonly running: RunningEngine;
  readonly compiled?: WasmTraining;
}

/**
 * Chooses between the two engines that run on the processor: the one with the lower estimated time per step, or `onnx:cpu`
 * if WebAssembly lacks an operator or memory for the program. Depends on the program and the number of rows alone.
 *
 * @param compile as `CompiledEngine.compile` of the wasm engine
 */
export function chooseEngine(
  recorded: RecordedStep,
  program: TrainingProgram,
  rows: number,
  compile: (recorded: RecordedStep, program: TrainingProgram) => WasmTraining,
): Choice {
  const onnx = (reason: "unsupported" | "memory" | "estimate", detail: string): Choice => ({
    running: runningEngine("onnx:cpu", reason, detail),
  });
  let compiled: WasmTraining;
  try {
    compiled = compile(recorded, program);
  } catch (thrown) {
    if (!(thrown instanceof UnsupportedOperator)) throw thrown;
    return onnx("unsupported", `WebAssembly has no operator ${thrown.operator}`);
  }
  const plan = sessionPlan(compiled, rows);
  const streamed = compiled.layout.streamed.map(({ width }) => rows * width);
  const bytes = memoryOf({ ...plan, columns: [...plan.columns, ...streamed] }) + CHUNK_BYTES;
  if (bytes > MOST_BYTES) {
    const gibibytes = (bytes / 2 ** 30).toFixed(1);
    return onnx("memory", `the program and its data need ${gibibytes} GiB, and a WebAssembly memory has at most 4`);
  }
  const [wasm, other] = [estimateStep("wasm", compiled.work), estimateStep("onnx:cpu", compiled.work)];
  if (wasm >= other) return onnx("estimate", estimates(other, "wasm", wasm));
  return { running: runningEngine("wasm", "estimate", estimates(wasm, "onnx:cpu", other)), compiled };
}

function estimates(micros: number, other: string, otherMicros: number): string {
  const rounded = (value: number) => Number(value.toPrecision(2));
  return `estimated ${rounded(micros)} us per step; ${other} ${rounded(otherMicros)}`;
}

/** Runs each program on the engine that `chooseEngine` chooses for it. */
export function createAutoEngine({ clock }: { readonly clock: Clock }): Engine {
  const wasm = createWasmEngine({ clock });
  const onnx = createOnnxEngine("cpu", { clock });
  return {
    name: "auto",
    reason: "estimate",
    clock,
    async prepare(program, data, rows) {
      checkData(program, data, rows);
      const recorded = recordStep(program);
      await yieldToEventLoop();
      const { running, compiled } = chooseEngine(recorded, program, rows, wasm.compile);
      await yieldToEventLoop();
      if (compiled !== undefined) return wasm.open(compiled, program, data, rows, running);
      const model = onnx.compile(recorded, program);
      await yieldToEventLoop();
      return onnx.open(model, program, data, rows, running);
    },
  };
}
