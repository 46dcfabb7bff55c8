import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import type { Prediction, PredictionInputs } from "../../pipeline/prediction.ts";
import type { Run } from "../../pipeline/run.ts";
import type { RunReport } from "../../pipeline/run-report.ts";
import type { TrialId } from "../../pipeline/study.ts";
import type { ProtocolSpec } from "../../pipeline/team.ts";
import type { Composition } from "../../pipeline/verdict.ts";

export interface StartRun {
  /** Overrides the team file's protocol for this run. */
  readonly protocol?: ProtocolSpec;
  /** Text of a team file (YAML) that replaces the trainer's own for this run. */
  readonly teamFile?: string;
  /** Ancestor to serial: snapshots to train on that need not be released; the others are those in use. */
  readonly upstream?: Composition;
  /** Trains with the parameters of this trial, instead of `protocol` and `teamFile`. */
  readonly tuning?: TrialId;
  /** W3C trace context of the caller, in the call's metadata. */
  readonly traceparent?: string;
}

/** `starting`: waiting for data or connections. `stopping`: new runs are rejected. */
export type TrainerState = "starting" | "idle" | "training" | "stopping";

export interface TrainerStatus {
  readonly pipeline: string;
  readonly component: string;
  /** The engine of the latest training, as a manifest records it. Before the first one, the configured choice. */
  readonly engine: string;
  readonly state: TrainerState;
  /** The run in progress. */
  readonly run: string | null;
  /** Number of queued runs. */
  readonly queued: number;
  readonly queueCapacity: number;
  /** Serial of the component's newest snapshot in the registry. */
  readonly newest: number | null;
  /** Of this trainer's pipeline file; null: an older trainer, which does not say. */
  readonly pipelineDigest: string | null;
  /** Of the pipeline file in force; null: none was applied. With another one than its own, the trainer is not ready. */
  readonly appliedDigest: string | null;
  /** Of Uncouple, that this trainer runs; null: an older trainer, which does not say. */
  readonly version: string | null;
  /** Why the component is not ready, if its start failed, which is tried again, or if it has lost its state folder. */
  readonly problem: string | null;
}

/** A model with its manifest. The gRPC client has verified size and digest. */
export interface SnapshotBytes {
  readonly manifest: SnapshotManifest;
  readonly bytes: Uint8Array;
}

/**
 * The trainer's gRPC interface, on server and client. A client adds `unavailable` and `deadline-exceeded` to the errors of
 * each call.
 */
export interface TrainerService {
  /**
   * Queues a run and returns immediately.
   * @throws UncoupleError `invalid-argument` (the protocol or team file is invalid, with every problem; `upstream` names a
   *   component that is none of the ancestors), `not-found` (a snapshot of `upstream`, a trial of `tuning`), `resource-exhausted` (the queue is full),
   *   `failed-precondition` (the trainer is starting or stopping, or has another pipeline file than the one in force; a snapshot
   *   of `upstream` is quarantined or has no verdict); DeletedError
   */
  startRun(request: StartRun): Promise<Run>;
  /**
   * Yields the run's current state and every change until it ends or the signal aborts. A slow reader skips states, but
   * never the last one.
   * @throws UncoupleError `not-found`, `unavailable` if the trainer stops first
   */
  watchRun(id: string, signal: AbortSignal): AsyncIterable<Run>;
  /** @throws UncoupleError `not-found`, `failed-precondition` if it has already ended */
  cancelRun(id: string): Promise<Run>;
  /** Returns runs newest first. */
  listRuns(): Promise<readonly Run[]>;
  /** @throws UncoupleError `not-found` */
  getRun(id: string): Promise<Run>;
  /** What is known about a run for its report. @throws UncoupleError `not-found` */
  runReport(id: string): Promise<RunReport>;
  status(): Promise<TrainerStatus>;
  /**
   * @param serial defaults to the newest snapshot
   * @throws UncoupleError `not-found`, `invalid-argument` naming a missing or malformed column,
   *   `resource-exhausted` if the batch or its prediction is too large for a message
   */
  predict(inputs: PredictionInputs, serial?: number): Promise<Prediction>;
  /** @throws UncoupleError `not-found`, `data-loss` */
  readSnapshot(serial: number | undefined, signal: AbortSignal): Promise<SnapshotBytes>;
}
