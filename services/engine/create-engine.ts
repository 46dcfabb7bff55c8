import type { Clock } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import type { EngineChoice, ExecutionProvider } from "../pipeline/team.ts";
import { createAutoEngine } from "./auto/auto-engine.ts";
import { createReferenceEngine } from "./eager/eager-engine.ts";
import { createTensorflowEngine } from "./eager/tensorflow-engine.ts";
import type { Engine, EngineReason } from "./interface/engine.ts";
import { createOnnxEngine } from "./onnx/onnx-engine.ts";
import { probeProvider } from "./onnx/probe-provider.ts";
import { loadTensorflow } from "./tensorflow/load-tensorflow.ts";
import { createWasmEngine } from "./wasm/wasm-engine.ts";

/** Receives which device an engine chose, and why it rejected others. */
export type EngineLogger = (line: string) => void;

export interface EngineDeps {
  readonly clock: Clock;
  readonly log: EngineLogger;
}

/**
 * Creates the engine that a team file or `--engine` selects.
 *
 * `auto` is `tensorflow` where its binding is there and sees a GPU, otherwise `onnx` on the first execution provider
 * that starts and has a GPU, otherwise an engine that chooses `wasm` or `onnx:cpu` for each program. `onnx` is the first
 * execution provider with a GPU, otherwise `onnx:cpu`. Rejected candidates are logged with the reason.
 *
 * @throws UncoupleError `failed-precondition` if a named engine or provider cannot start on this machine, with the reason
 */
export async function createEngine(choice: EngineChoice, deps: EngineDeps): Promise<Engine> {
  const { clock } = deps;
  switch (choice) {
    case "reference":
    case "tensorflow":
    case "wasm":
    case "onnx:cpu":
      return engineNamed(choice, clock);
    case "onnx:webgpu":
      return namedProvider("webgpu", clock);
    case "onnx:cuda":
      return namedProvider("cuda", clock);
    case "onnx":
      return (await providerOnGpu(deps)) ?? namedLast("onnx:cpu", deps);
    case "auto":
      return tensorflowOnGpu(deps) ?? (await providerOnGpu(deps)) ?? namedLast("auto", deps);
  }
}

/**
 * Creates an engine that `createEngine` has returned on this machine, without probing it again.
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

async function namedProvider(provider: ExecutionProvider, clock: Clock): Promise<Engine> {
  const probe = await probeProvider(provider, clock);
  if (!probe.starts) {
    throw new UncoupleError(
      "failed-precondition",
      `the engine onnx:${provider} cannot start on this machine: ${probe.detail}`,
    );
  }
  return createOnnxEngine(provider, { clock });
}

function tensorflowOnGpu({ clock, log }: EngineDeps): Engine | undefined {
  try {
    const binding = loadTensorflow();
    if (binding.gpu) {
      log(`engine tensorflow: ${binding.package} sees a GPU`);
      return createTensorflowEngine(clock, "gpu");
    }
    log(`engine tensorflow not taken: ${binding.package} sees no GPU`);
  } catch (thrown) {
    log(`engine tensorflow not taken: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  return undefined;
}

async function providerOnGpu({ clock, log }: EngineDeps): Promise<Engine | undefined> {
  for (const provider of ["cuda", "webgpu"] as const) {
    const probe = await probeProvider(provider, clock);
    if (probe.starts && probe.gpu) {
      log(`engine onnx:${provider}: ${probe.detail}`);
      return createOnnxEngine(provider, { clock, reason: "gpu" });
    }
    log(`engine onnx:${provider} not taken: ${probe.detail}`);
  }
  return undefined;
}

function namedLast(name: "auto" | "onnx:cpu", { clock, log }: EngineDeps): Engine {
  log(name === "auto" ? "engine auto: wasm or onnx:cpu, chosen for each program" : `engine ${name}`);
  return engineNamed(name, clock);
}
