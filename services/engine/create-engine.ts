import { UncoupleError } from "../common/errors.ts";
import type { EngineChoice, ExecutionProvider } from "../pipeline/team.ts";
import { createReferenceEngine } from "./eager/eager-engine.ts";
import { createTensorflowEngine, loadTensorflow } from "./eager/tensorflow-engine.ts";
import type { Engine } from "./interface/engine.ts";
import { createOnnxEngine } from "./onnx/onnx-engine.ts";
import { probeProvider } from "./onnx/probe-provider.ts";

/** Where an engine says which device it took, and why not another. */
export type EngineLogger = (line: string) => void;

/**
 * Makes the engine that a team file or `--engine` asks for.
 *
 * `auto` is `tensorflow` where its binding is there and sees a GPU, otherwise `onnx` on the first execution provider
 * that starts and has a GPU, otherwise `onnx:cpu`. `onnx` alone is the same without TensorFlow. What was tried and why
 * it was not taken is logged.
 *
 * @throws UncoupleError `failed-precondition` when a named engine or provider cannot start on this machine, saying why
 */
export async function createEngine(choice: EngineChoice, log: EngineLogger): Promise<Engine> {
  switch (choice) {
    case "reference":
    case "tensorflow":
    case "onnx:cpu":
      return engineNamed(choice);
    case "onnx:webgpu":
      return namedProvider("webgpu");
    case "onnx:cuda":
      return namedProvider("cuda");
    case "onnx":
      return bestProvider(log);
    case "auto":
      return tensorflowOnGpu(log) ?? (await bestProvider(log));
  }
}

/**
 * Makes the engine of a name that `createEngine` returned before on this machine, without trying again whether it starts.
 *
 * @param name as `Engine.name`
 */
export function engineNamed(name: string): Engine {
  switch (name) {
    case "reference":
      return createReferenceEngine();
    case "tensorflow":
      return createTensorflowEngine();
    case "onnx:cpu":
      return createOnnxEngine("cpu");
    case "onnx:webgpu":
      return createOnnxEngine("webgpu");
    case "onnx:cuda":
      return createOnnxEngine("cuda");
    default:
      throw new UncoupleError("internal", `${name} is not the name of an engine`);
  }
}

async function namedProvider(provider: ExecutionProvider): Promise<Engine> {
  const probe = await probeProvider(provider);
  if (!probe.starts) {
    throw new UncoupleError(
      "failed-precondition",
      `the engine onnx:${provider} cannot start on this machine: ${probe.detail}`,
    );
  }
  return createOnnxEngine(provider);
}

function tensorflowOnGpu(log: EngineLogger): Engine | undefined {
  try {
    const binding = loadTensorflow();
    if (binding.gpu) {
      log(`engine tensorflow: ${binding.package} sees a GPU`);
      return createTensorflowEngine();
    }
    log(`engine tensorflow not taken: ${binding.package} sees no GPU`);
  } catch (thrown) {
    log(`engine tensorflow not taken: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  return undefined;
}

async function bestProvider(log: EngineLogger): Promise<Engine> {
  for (const provider of ["cuda", "webgpu"] as const) {
    const probe = await probeProvider(provider);
    if (probe.starts && probe.gpu) {
      log(`engine onnx:${provider}: ${probe.detail}`);
      return createOnnxEngine(provider);
    }
    log(`engine onnx:${provider} not taken: ${probe.detail}`);
  }
  log("engine onnx:cpu");
  return createOnnxEngine("cpu");
}
