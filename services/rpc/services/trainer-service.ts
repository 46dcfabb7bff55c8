import type { SnapshotManifest } from "../../pipeline/manifest.ts";
import type { Prediction, PredictionInputs } from "../../pipeline/prediction.ts";
import type { Run } from "../../pipeline/run.ts";
import type { ProtocolSpec } from "../../pipeline/team.ts";

export interface StartRun {
  /** Instead of the team file's, for this run. */
  readonly protocol?: ProtocolSpec;
  /** The text of a team file (YAML) to use for this run instead of the trainer's own. */
  readonly teamFile?: string;
}

/** `starting`: data or connections are not there yet. `stopping`: no new runs are taken. */
export type TrainerState = "starting" | "idle" | "training" | "stopping";

export interface TrainerStatus {
  readonly pipeline: string;
  readonly component: string;
  /** As a manifest records it: `onnx:cpu`. */
  readonly engine: string;
  readonly state: TrainerState;
  /** The run in progress. */
  readonly run: string | null;
  /** Runs that wait. */
  readonly queued: number;
  readonly queueCapacity: number;
  /** The newest snapshot of the component in the registry. */
  readonly newest: number | null;
}

/** A model with its manifest; whoever receives one over gRPC may rely on size and digest having been checked. */
export interface SnapshotBytes {
  readonly manifest: SnapshotManifest;
  readonly bytes: Uint8Array;
}

/**
 * What a trainer offers over gRPC. The server turns requests into these calls, and the client offers the same interface.
 * A client adds `unavailable` and `deadline-exceeded` to the errors of each call.
 */
export interface TrainerService {
  /**
   * Queues a run and returns at once.
   * @throws UncoupleError `invalid-argument` (the protocol or team file is wrong, with every problem named),
   *   `resource-exhausted` (the queue is full), `failed-precondition` (the trainer is starting or stopping)
   */
  startRun(request: StartRun): Promise<Run>;
  /**
   * The run as it is now and whenever it changes, until it has ended or the signal aborts. A slow reader skips
   * states, never the last.
   * @throws UncoupleError `not-found`, `unavailable` when the trainer stops first
   */
  watchRun(id: string, signal: AbortSignal): AsyncIterable<Run>;
  /** @throws UncoupleError `not-found`, `failed-precondition` when it has ended already */
  cancelRun(id: string): Promise<Run>;
  /** Newest first. */
  listRuns(): Promise<readonly Run[]>;
  /** @throws UncoupleError `not-found` */
  getRun(id: string): Promise<Run>;
  status(): Promise<TrainerStatus>;
  /**
   * @param serial the newest snapshot where undefined
   * @throws UncoupleError `not-found`, `invalid-argument` naming the column that is missing or misshapen,
   *   `resource-exhausted` when the batch or its prediction is too large for a message
   */
  predict(inputs: PredictionInputs, serial?: number): Promise<Prediction>;
  /** @throws UncoupleError `not-found`, `data-loss` */
  readSnapshot(serial: number | undefined, signal: AbortSignal): Promise<SnapshotBytes>;
}
