import { UncoupleError } from "../../common/errors.ts";
import type { Table } from "../../data/table/table.ts";
import type { TensorSpec } from "../../pipeline/manifest.ts";

/** The inputs and output that a snapshot's graph must have according to the pipeline file. */
export interface SnapshotContract {
  readonly inputs: readonly TensorSpec[];
  readonly output: TensorSpec;
}

/** A graph that ONNX Runtime can load, but that does not match the pipeline file. */
export class SnapshotContractError extends UncoupleError {
  readonly side: "input" | "output";

  constructor(side: "input" | "output", message: string) {
    super("invalid-argument", message);
    this.name = "SnapshotContractError";
    this.side = side;
  }
}

/** A snapshot's ONNX graph, loaded and checked against its contract. */
export interface SnapshotModel {
  /**
   * Predicts in batches of a few thousand rows and yields to the event loop between them.
   *
   * @param inputs raw columns and upstream outputs, by name in the pipeline file; ignores other columns
   * @returns [rows * output.width], row-major, in raw units; not checked for NaN
   * @throws UncoupleError `invalid-argument` naming a missing or misshapen input
   */
  predict(inputs: Table): Promise<Float32Array>;
  dispose(): Promise<void>;
}
