import type { CounterfactualOracle } from "../../data/source/oracle.ts";
import type { Table } from "../../data/table/table.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import type { TensorSpec } from "../../pipeline/manifest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { SnapshotModel } from "../snapshot/snapshot-model.ts";
import type { TrainingCheckpoint, TrainingProgress } from "../training/training-progress.ts";

export interface ComponentTraining {
  readonly pipeline: Pipeline;
  readonly team: TeamConfig;
  /** The training rows, in the columns that the team may see. */
  readonly table: Table;
  /** A loaded snapshot for every ancestor. */
  readonly upstream: Readonly<Record<string, SnapshotModel>>;
  /** The component's own newest snapshot, for the proximal term. */
  readonly previous?: SnapshotModel;
  /** The audited training rows: the same columns, and the annotated ones. */
  readonly audit?: Table;
  readonly oracle?: CounterfactualOracle;
  readonly engine: Engine;
  readonly resume?: TrainingCheckpoint;
  readonly signal?: AbortSignal;
  onProgress?(progress: TrainingProgress): void | Promise<void>;
  /** Something that people should know although the training goes on. */
  onWarning?(message: string): void;
}

export interface TrainedComponent {
  /** The ONNX inference model. */
  readonly bytes: Uint8Array;
  readonly opset: number;
  readonly inputs: readonly TensorSpec[];
  readonly output: TensorSpec;
  /** `dense 8-64-1`, `linear 10-3`, or the module's file name. */
  readonly model: string;
  /** Where counterfactual targets or calibrated inputs came from, if the protocol asked for them. */
  readonly counterfactual?: string;
  /** Mean over the last 100 steps. */
  readonly loss: number;
}
