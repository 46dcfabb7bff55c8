import { yieldToEventLoop } from "../common/async/yield.ts";
import { chooseEngine } from "./auto/auto-engine.ts";
import { benchmarkProgram } from "./benchmark-program.ts";
import { recordStep } from "./compiler/tracing/record-step.ts";
import { compileWasmTraining } from "./compiler/wasm/compile-training.ts";
import type { Engine, RunningEngine } from "./interface/engine.ts";
import { runningEngine } from "./interface/running-engine.ts";

/** What `auto` takes for a program of a typical size, for `uncouple doctor`. */
export interface TypicalChoice extends Pick<RunningEngine, "reason" | "detail"> {
  /** Widths of a dense network, trained with Adam: `8-64-1`. */
  readonly model: string;
  readonly batch: number;
  readonly engine: string;
}

const SIZES: readonly (readonly [widths: readonly number[], batch: number])[] = [
  [[10, 3], 64],
  [[8, 64, 1], 64],
  [[10, 64, 64, 3], 64],
  [[10, 64, 64, 3], 256],
  [[10, 256, 256, 3], 256],
];
const ROWS = 100_000;

/** @param auto the engine that `createEngine("auto")` returned */
export async function typicalChoices(auto: Engine): Promise<TypicalChoice[]> {
  const choices: TypicalChoice[] = [];
  for (const [widths, batch] of SIZES) {
    const program = benchmarkProgram(widths, batch);
    const { name, reason, detail } =
      auto.name === "auto"
        ? chooseEngine(recordStep(program), program, ROWS, compileWasmTraining).running
        : runningEngine(auto.name, auto.reason);
    choices.push({ model: widths.join("-"), batch, engine: name, reason, detail });
    await yieldToEventLoop();
  }
  return choices;
}
