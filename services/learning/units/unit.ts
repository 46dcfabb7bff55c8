import type { RunningEngine } from "../../engine/interface/engine.ts";
import type { PackedState } from "../../engine/interface/packed-state.ts";
import type { ScheduleSpec } from "../../pipeline/team.ts";

/** Bytes that are named by their SHA-256, lower-case hex. */
export interface Blob {
  readonly digest: string;
  readonly bytes: Uint8Array;
}

/** A column that is in a file, because it exceeds its share of memory. */
export interface SpilledBlob {
  readonly digest: string;
  readonly path: string;
  /** Number of bytes. */
  readonly size: number;
}

/** What a job names: bytes in memory or in a file of the trainer. */
export type JobBlob = Blob | SpilledBlob;

/**
 * A training as data: everything that its steps depend on, apart from the state. Whoever has the bytes that it names can
 * run any of its units, without a team's code, data sources or credentials.
 */
export interface UnitJob {
  /** A `PackedProgram`. */
  readonly program: string;
  /** Resident columns by name, float32 little-endian, [rows * width]. */
  readonly columns: Readonly<Record<string, string>>;
  readonly rows: number;
  /** Length of the whole schedule. */
  readonly steps: number;
  readonly schedule: ScheduleSpec;
  /** Peak learning rate. */
  readonly learningRate: number;
  readonly seed: number;
}

/**
 * `count` steps of a job from step `first` on, with the batches and the noise of a slot. The end state is a pure function
 * of (job, unit, state at the start) in one numerics class.
 */
export interface Unit {
  /** From 0. */
  readonly slot: number;
  readonly first: number;
  readonly count: number;
}

export interface UnitResult {
  readonly state: PackedState;
  /** Of every step, before its update, [count]. */
  readonly losses: Float32Array;
}

/** Who may run the units of a job. */
export interface NumericsRule {
  /** `exact`: only executors of the class that began it. `tolerant`: any. */
  readonly numerics: "exact" | "tolerant";
  /** Outside its class, the trainer waits for a worker, or does not begin. */
  readonly fallback: "local" | "wait";
  /** Share of the units that are run twice, in [0, 1]. */
  readonly audit: number;
  /** The class that began the training, when it is resumed. */
  readonly begun?: string;
}

/** What a runner needs to know of a training before its first unit. */
export interface OpenUnits {
  readonly job: UnitJob;
  /** All that the job names. */
  readonly blobs: readonly JobBlob[];
  /** The state at step 0, for proving that an executor belongs to the numerics class. */
  readonly initial: PackedState;
  /** The engine to run it, and the one whose class is pinned. */
  readonly engine: RunningEngine;
  readonly rule: NumericsRule;
  readonly signal?: AbortSignal;
}

/** Runs units, here or elsewhere. */
export interface UnitRunner {
  /** @throws UncoupleError `failed-precondition` if nobody can ever run it by its rule; the reason of the signal */
  open(request: OpenUnits): Promise<UnitTraining>;
}

/** A job whose units can be run. */
export interface UnitTraining {
  /** What runs it, for the manifest. */
  readonly engine: RunningEngine;
  /**
   * Calls may overlap. Ends only with the result: an executor that is lost is replaced.
   * @param state at the unit's start
   * @throws UncoupleError `failed-precondition` (the training diverged: the state at the end is not finite), the reason of
   *   the signal
   */
  run(unit: Unit, state: PackedState, signal?: AbortSignal): Promise<UnitResult>;
  close(): Promise<void>;
}
