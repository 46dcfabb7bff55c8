import type { Clock } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import type { EngineChoice, ExecutionProvider } from "../pipeline/team.ts";
import type { EngineReason } from "./interface/engine.ts";
import { probeProvider } from "./onnx/probe-provider.ts";
import { findBindings } from "./tensorflow/find-binding.ts";

/** Receives which device an engine chose, and why it rejected others. */
export type EngineLogger = (line: string) => void;

export interface EngineDeps {
  readonly clock: Clock;
  readonly log: EngineLogger;
}

/** An engine that works on this machine, for `engineNamed`. */
export interface ChosenEngine {
  /** As `Engine.name`. */
  readonly name: string;
  readonly reason: EngineReason;
}

/**
 * Chooses the engine that a team file or `--engine` selects, without loading it: candidates are tried in processes of their
 * own. Only a built binding of TensorFlow is loaded here.
 *
 * `auto` is `tensorflow` where its binding is there and sees a GPU, otherwise `onnx` on the first execution provider
 * that starts and has a GPU, otherwise an engine that chooses `wasm` or `onnx:cpu` for each program. `onnx` is the first
 * execution provider with a GPU, otherwise `onnx:cpu`. Rejected candidates are logged with the reason.
 *
 * @throws UncoupleError `failed-precondition` if a named engine or provider cannot start on this machine, with the reason
 */
export async function chooseEngine(choice: EngineChoice, deps: EngineDeps): Promise<ChosenEngine> {
  const { clock } = deps;
  switch (choice) {
    case "reference":
    case "wasm":
    case "onnx:cpu":
      return { name: choice, reason: "selected" };
    case "tensorflow":
      await openTensorflow();
      return { name: choice, reason: "selected" };
    case "onnx:webgpu":
      return namedProvider("webgpu", clock);
    case "onnx:cuda":
      return namedProvider("cuda", clock);
    case "onnx":
      return (await providerOnGpu(deps)) ?? namedLast("onnx:cpu", deps);
    case "auto":
      return (await tensorflowOnGpu(deps)) ?? (await providerOnGpu(deps)) ?? namedLast("auto", deps);
  }
}

async function namedProvider(provider: ExecutionProvider, clock: Clock): Promise<ChosenEngine> {
  const probe = await probeProvider(provider, clock);
  if (!probe.starts) {
    throw new UncoupleError(
      "failed-precondition",
      `the engine onnx:${provider} cannot start on this machine: ${probe.detail}`,
    );
  }
  return { name: `onnx:${provider}`, reason: "selected" };
}

async function openTensorflow() {
  findBindings();
  const { loadTensorflow } = await import("./tensorflow/load-tensorflow.ts");
  return loadTensorflow();
}

async function tensorflowOnGpu({ log }: EngineDeps): Promise<ChosenEngine | undefined> {
  try {
    const binding = await openTensorflow();
    if (binding.gpu) {
      log(`engine tensorflow: ${binding.package} sees a GPU`);
      return { name: "tensorflow", reason: "gpu" };
    }
    log(`engine tensorflow not taken: ${binding.package} sees no GPU`);
  } catch (thrown) {
    log(`engine tensorflow not taken: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  return undefined;
}

async function providerOnGpu({ clock, log }: EngineDeps): Promise<ChosenEngine | undefined> {
  for (const provider of ["cuda", "webgpu"] as const) {
    const probe = await probeProvider(provider, clock);
    if (probe.starts && probe.gpu) {
      log(`engine onnx:${provider}: ${probe.detail}`);
      return { name: `onnx:${provider}`, reason: "gpu" };
    }
    log(`engine onnx:${provider} not taken: ${probe.detail}`);
  }
  return undefined;
}

function namedLast(name: "auto" | "onnx:cpu", { log }: EngineDeps): ChosenEngine {
  log(name === "auto" ? "engine auto: wasm or onnx:cpu, chosen for each program" : `engine ${name}`);
  // `auto` has a reason of its own for each program.
  return { name, reason: name === "auto" ? "estimate" : "selected" };
}
