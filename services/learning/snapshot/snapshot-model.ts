import type { Table } from "../../data/table/table.ts";
import type { TensorSpec } from "../../pipeline/manifest.ts";
import { ModelFault } from "./faults/model-fault.ts";

/** The inputs and output that a snapshot's graph must have according to the pipeline file. */
export interface SnapshotContract {
  readonly inputs: readonly TensorSpec[];
  readonly output: TensorSpec;
}

/** A graph that ONNX Runtime can load, but that does not match the pipeline file. */
export class SnapshotContractError extends ModelFault {
  constructor(side: "input" | "output", message: string) {
    super(side === "input" ? "wrong-inputs" : "wrong-output", message);
    this.name = "SnapshotContractError";
  }
}

/** A snapshot's ONNX graph, loaded and checked against its contract. */
export interface SnapshotModel {
  /** True if its code guarantees that it is deterministic and that a row's prediction depends on that row alone. */
  readonly rowWise?: boolean;
  /**
   * Predicts in batches of a few thousand rows and yields to the event loop between them.
   *
   * @param inputs raw columns and upstream outputs, by name in the pipeline file; ignores other columns
   * @param onBatch called after each batch
   * @returns [rows * output.width], row-major, in raw units; not checked for NaN
   * @throws UncoupleError `invalid-argument` naming a missing or misshapen input
   */
  predict(inputs: Table, onBatch?: () => void): Promise<Float32Array>;
  dispose(): Promise<void>;
}
