import type { CounterfactualOracle } from "../../data/source/oracle.ts";
import type { StoredTable } from "../../data/spill/stored-table.ts";
import type { Table } from "../../data/table/table.ts";
import type { Engine, RunningEngine } from "../../engine/interface/engine.ts";
import type { TensorSpec } from "../../pipeline/manifest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { UnitCount } from "../../pipeline/run.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { SnapshotModel } from "../snapshot/snapshot-model.ts";
import type { TrainingCheckpoint, TrainingProgress } from "../training/training-progress.ts";
import type { UnitRunner } from "../units/unit.ts";

/** One training of one component. */
export interface ComponentTraining {
  readonly pipeline: Pipeline;
  readonly team: TeamConfig;
  /** The training rows, restricted to the columns that the team may see. */
  readonly table: StoredTable;
  /** A loaded snapshot for every ancestor. */
  readonly upstream: Readonly<Record<string, SnapshotModel>>;
  /** The component's newest snapshot, for the proximal term. */
  readonly previous?: SnapshotModel;
  /** The audited training rows: the same columns plus the annotated ones. */
  readonly audit?: Table;
  readonly oracle?: CounterfactualOracle;
  readonly engine: Engine;
  /**
   * Runs the units of this training and of the helper networks that it fits; default: this process, if the team's file has
   * `workers`, and otherwise nothing runs in units.
   */
  readonly units?: UnitRunner;
  readonly resume?: TrainingCheckpoint;
  /** The numerics class that began it, if it resumes. */
  readonly begun?: string;
  readonly signal?: AbortSignal;
  readonly looks?: ModelLooks;
  /** Called once before the first step and awaited. */
  onStart?(engine: RunningEngine): void | Promise<void>;
  onProgress?(progress: TrainingProgress): void | Promise<void>;
  /** Called as units are done, if it runs in units. */
  onUnits?(count: UnitCount): void;
  /** Called with each warning; the training continues. */
  onWarning?(message: string): void;
  /** Called with each line that a user's model module prints. */
  onOutput?(line: string): void;
}

/** Looks at the models that a training passes through, as `TrainingLooks` does at its states. */
export interface ModelLooks {
  /** As in `TrainingLooks`. */
  readonly at: readonly number[];
  /** @param bytes the ONNX inference model of this step; @returns whether to go on */
  look(step: number, bytes: Uint8Array): Promise<boolean>;
}

export interface TrainedComponent {
  /** The ONNX inference model. */
  readonly bytes: Uint8Array;
  readonly opset: number;
  readonly inputs: readonly TensorSpec[];
  readonly output: TensorSpec;
  /** `dense 8-64-1`, `linear 10-3`, or the module's file name. */
  readonly model: string;
  /** Where counterfactual targets or calibrated inputs came from, if the protocol needed them. */
  readonly counterfactual?: string;
  /** Mean training loss over the last 100 steps. */
  readonly loss: number;
  /** `RunningEngine.name` and `numerics` of the engine that trained it. */
  readonly engine: string;
  readonly numerics: string;
}

/** Trains components. Holds no resources between trainings. */
export interface TrainingBackend {
  /**
   * Trains one component as its team configured it, on the predictions of the given upstream snapshots, and compiles
   * the result into an ONNX model of raw inputs. The same arguments give the same bytes on the same engine.
   *
   * @throws UncoupleError `failed-precondition` (no upstream snapshot, no counterfactual source, divergence, a target
   *   that does not fit), `invalid-argument` (a user's model module), `resource-exhausted` (a module whose process was
   *   killed, probably for lack of memory); the reason of the signal once it is aborted
   */
  train(training: ComponentTraining): Promise<TrainedComponent>;
}
