import type { Clock } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import type { EngineChoice } from "../pipeline/team.ts";
import { createAutoEngine } from "./auto/auto-engine.ts";
import { chooseEngine, type EngineDeps } from "./choose-engine.ts";
import { createReferenceEngine } from "./eager/eager-engine.ts";
import { createTensorflowEngine } from "./eager/tensorflow-engine.ts";
import type { Engine, EngineReason } from "./interface/engine.ts";
import { createOnnxEngine } from "./onnx/onnx-engine.ts";
import { createWasmEngine } from "./wasm/wasm-engine.ts";

/**
 * Creates the engine that a team file or `--engine` selects, as `chooseEngine` finds it.
 *
 * @throws UncoupleError `failed-precondition` if a named engine or provider cannot start on this machine, with the reason
 */
export async function createEngine(choice: EngineChoice, deps: EngineDeps): Promise<Engine> {
  const { name, reason } = await chooseEngine(choice, deps);
  return engineNamed(name, deps.clock, reason);
}

/**
 * Creates an engine that `chooseEngine` has found on this machine.
 *
 * @param name as `Engine.name`
 * @param reason as `Engine.reason`; default: by name
 */
export function engineNamed(name: string, clock: Clock, reason: EngineReason = "selected"): Engine {
  switch (name) {
    case "auto":
      return createAutoEngine({ clock });
    case "reference":
      return createReferenceEngine(clock);
    case "wasm":
      return createWasmEngine({ clock, reason });
    case "tensorflow":
      return createTensorflowEngine(clock, reason);
    case "onnx:cpu":
      return createOnnxEngine("cpu", { clock, reason });
    case "onnx:webgpu":
      return createOnnxEngine("webgpu", { clock, reason });
    case "onnx:cuda":
      return createOnnxEngine("cuda", { clock, reason });
    default:
      throw new UncoupleError("internal", `${name} is not the name of an engine`);
  }
}
