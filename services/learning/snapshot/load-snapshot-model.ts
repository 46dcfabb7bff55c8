import { readRowProgram } from "../../engine/compiler/read-row-program.ts";
import { inspectModel } from "./inspection/inspect-model.ts";
import { loadRowSnapshot } from "./row-snapshot-model.ts";
import type { SnapshotContract, SnapshotModel } from "./snapshot-model.ts";

/** Memory of a session besides the model's bytes; 0.4 MB measured for a dense network of 32 units. */
export const SESSION_BYTES = 512 * 1024;

/**
 * Loads a snapshot's ONNX graph and checks that it matches the pipeline file: names, kinds and widths of its inputs and
 * its output. A small network that Uncouple's own compiler wrote runs as WebAssembly, with the same bits on every
 * processor; ONNX Runtime (cpu) runs everything else.
 *
 * @throws UncoupleError `invalid-argument` if the bytes are not a valid ONNX model, `inspectModel` rejects them, or ONNX
 *   Runtime cannot load them; SnapshotContractError if its inputs or output do not match the contract
 */
export async function loadSnapshotModel(bytes: Uint8Array, contract: SnapshotContract): Promise<SnapshotModel> {
  inspectModel(bytes);
  const program = readRowProgram(bytes);
  if (program !== undefined) return loadRowSnapshot(program, contract);
  // Loaded lazily: most pipelines have small networks only, and ONNX Runtime takes 30 ms and 12 MB.
  const { loadOnnxSnapshot } = await import("./onnx-snapshot-model.ts");
  return loadOnnxSnapshot(bytes, contract);
}
