import type { ErrorCode } from "../../common/errors.ts";
import type { ScheduleSpec } from "../../pipeline/team.ts";

/** A worker as it introduces itself. */
export interface JoiningWorker {
  /** The pipeline and the component that it is meant for; any, if not set. */
  readonly pipeline?: string;
  readonly component?: string;
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly codeVersion: string;
  /** What it can run, the preferred one first. */
  readonly engines: readonly WorkerEngine[];
  /** Units that it runs at a time, at least 1. */
  readonly parallel: number;
}

export interface WorkerEngine {
  /** A key of `RUNNING_ENGINES`. */
  readonly engine: string;
  /** Numerics class. */
  readonly numerics: string;
}

export type JoinRefusal = "pipeline" | "component" | "version" | "quarantined" | "no-workers";

export interface JoinedWorker {
  readonly worker: string;
  /** Counts the trainer's starts. */
  readonly incarnation: number;
  readonly pipeline: string;
  readonly component: string;
  readonly beatMs: number;
  readonly silenceMs: number;
}

export interface RefusedWorker {
  readonly refusal: JoinRefusal;
  readonly reason: string;
}

export interface WorkerBeat {
  readonly worker: string;
  readonly units: readonly {
    readonly lease: string;
    /** Grows with every bit of work. */
    readonly work: number;
  }[];
}

/** A training as data; learning/units defines what it means. */
export interface LeasedJob {
  readonly program: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly rows: number;
  readonly steps: number;
  readonly schedule: ScheduleSpec;
  readonly learningRate: number;
  readonly seed: number;
}

export interface UnitLease {
  readonly lease: string;
  /** SHA-256 of the job. */
  readonly job: string;
  readonly work: LeasedJob;
  readonly slot: number;
  readonly first: number;
  readonly count: number;
  /** SHA-256 of the state at the start. */
  readonly base: string;
  readonly engine: string;
}

/** A result, without the bytes of the state at the end. */
export interface SubmittedUnit {
  readonly worker: string;
  readonly lease: string;
  readonly job: string;
  readonly slot: number;
  readonly first: number;
  readonly count: number;
  readonly base: string;
  readonly seconds: number;
  readonly outcome:
    | { readonly digest: string; readonly size: number; readonly losses: Float32Array }
    | { readonly error: { readonly code: ErrorCode; readonly message: string } };
}

export type UnitFate = "applied" | "duplicate" | "stale" | "refused";

export interface WorkerStatus {
  readonly worker: string;
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly engine: string;
  readonly numerics: string;
  readonly unitsDone: number;
  readonly unitsRunning: number;
  /** Over its latest units; null before the first. */
  readonly stepsPerSecond: number | null;
  /** Since it last got on with its oldest unit; null without one. */
  readonly lagSeconds: number | null;
  readonly beatSeconds: number;
  readonly quarantined: boolean;
}

/** Bytes that a server reads from a file while it sends them. */
export interface FileBytes {
  readonly size: number;
  chunks(): AsyncIterable<Uint8Array>;
}

/**
 * The coordinator's gRPC interface, on server and client. A client adds `unavailable` and `deadline-exceeded` to the errors
 * of each call.
 */
export interface CoordinatorService {
  join(worker: JoiningWorker): Promise<JoinedWorker | RefusedWorker>;
  /**
   * Takes a worker's beats and yields the leases that it shall abandon. The worker counts as gone as soon as its beats end,
   * which they do without an error when the connection is lost. A client receives an empty list for each beat that was
   * taken, too.
   * @throws UncoupleError `not-found` for a worker that has not joined, or was given up
   */
  beat(beats: AsyncIterable<WorkerBeat>, signal: AbortSignal): AsyncIterable<readonly string[]>;
  /** Waits for a unit, some 20 seconds. @throws UncoupleError `not-found` for a worker that has not joined, or was given up */
  lease(worker: string, signal: AbortSignal): Promise<UnitLease | undefined>;
  /** @throws UncoupleError `not-found` if no open job names these bytes */
  fetch(worker: string, digest: string): Promise<Uint8Array | FileBytes>;
  /**
   * Takes a result. Reads the bytes only if it can still count.
   * @param bytes the state at the end, in order; throws `invalid-argument` if its size is not that of the result, and
   *   `cancelled` if the connection is lost first, which says nothing about the result
   */
  submit(
    result: SubmittedUnit,
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly fate: UnitFate; readonly reason: string }>;
  returnUnit(worker: string, lease: string): Promise<void>;
  listWorkers(): Promise<{ readonly workers: readonly WorkerStatus[]; readonly waiting: number }>;
}
