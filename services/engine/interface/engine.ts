import type { Clock } from "../../common/clock/clock.ts";
import type { EngineChoice } from "../../pipeline/team.ts";
import type { Chunk, TrainingProgram, TrainingState } from "./program.ts";

/**
 * Runs training programs. Guarantees: losses agree with the `reference` engine to relative 1e-4 over tens of steps; the
 * same engine repeats a run bit for bit for any chunk sizes and from any `state()`; the JavaScript thread is never
 * blocked for longer than a step.
 */
export interface Engine {
  /** As a manifest records it: `onnx:cpu`, `tensorflow`, `reference`. */
  readonly name: string;
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

/** A program in training, with its data and state. Calls must not overlap. */
export interface TrainingSession {
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
