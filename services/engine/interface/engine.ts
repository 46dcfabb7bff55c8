import type { Clock } from "../../common/clock/clock.ts";
import type { EngineChoice } from "../../pipeline/team.ts";
import type { Chunk, TrainingProgram, TrainingState } from "./program.ts";

/**
 * Runs training programs. Guarantees: losses agree with the `reference` engine to relative 1e-4 over tens of steps; the
 * same engine repeats a run bit for bit for any chunk sizes and from any `state()`; the JavaScript thread is never
 * blocked for longer than a step.
 */
export interface Engine {
  /** As `--engine` and team files spell it: `onnx:cpu`, `wasm`, or `auto`, which chooses an engine for each program. */
  readonly name: string;
  /** Why `createEngine` took it. `auto` has a reason of its own for each session. */
  readonly reason: EngineReason;
  /** The clock by which trainings size their chunks. */
  readonly clock: Clock;
  /**
   * @param data resident columns by name, [rows * width]
   * @throws UncoupleError `invalid-argument` if the program cannot be run (the message names the kernel, the op and
   *   what to do), `failed-precondition` when the engine cannot start here
   */
  prepare(
    program: TrainingProgram,
    data: Readonly<Record<string, Float32Array>>,
    rows: number,
  ): Promise<TrainingSession>;
}

/**
 * Why an engine runs a program: a team file or `--engine` names it (`selected`), `auto` found a GPU for it (`gpu`), it has
 * the lower estimated time (`estimate`), or the wasm engine lacks an operator (`unsupported`) or memory (`memory`).
 */
export type EngineReason = "selected" | "gpu" | "estimate" | "unsupported" | "memory";

/** Every `RunningEngine.name`, with the reasons that it can run for. */
export const RUNNING_ENGINES: Readonly<Record<string, readonly EngineReason[]>> = {
  wasm: ["selected", "estimate"],
  "onnx:cpu": ["selected", "estimate", "unsupported", "memory"],
  "onnx:webgpu": ["selected", "gpu"],
  "onnx:cuda": ["selected", "gpu"],
  tensorflow: ["selected", "gpu"],
  reference: ["selected"],
};

/** The engine that runs a session. */
export interface RunningEngine {
  /** As a manifest records it: a key of `RUNNING_ENGINES`, never `auto`. */
  readonly name: string;
  /** Sessions of one class repeat each other's bits, on any machine; as `numericsClass`. */
  readonly numerics: string;
  readonly reason: EngineReason;
  /** One line for logs: what the reason is based on. */
  readonly detail: string;
}

/** A program in training, with its data and state. Calls must not overlap. */
export interface TrainingSession {
  readonly engine: RunningEngine;
  /** @returns the loss of every step, before its update, [steps] */
  run(chunk: Chunk): Promise<Float32Array>;
  /** A copy of the state, safe to keep. */
  state(): Promise<TrainingState>;
  /** @throws UncoupleError `invalid-argument` if names or shapes are not this program's */
  restore(state: TrainingState): Promise<void>;
  dispose(): Promise<void>;
}

/** Why an engine can or cannot be used on this machine, for `uncouple doctor` and the log. */
export interface EngineProbe {
  readonly choice: EngineChoice;
  readonly available: boolean;
  /** One line: the device it would use, or why it cannot start. */
  readonly detail: string;
  /** Microseconds per step of the paper's M2 (8-64-1, batch 64, Adam), measured for about a second; absent if unavailable. */
  readonly microsPerStep?: number;
}
