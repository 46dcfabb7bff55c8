import type { Graph, Value } from "./graph/ir.ts";
import type { InferenceInput } from "./inference-program.ts";

/** Rows that a row program computes at once: the first dimension of its inputs, outputs and all that depends on them. */
export const BLOCK_ROWS = 128;

/**
 * A trained network as a graph in which every row is computed by itself. Its weights are inputs of the graph, so that
 * networks of one shape share a compiled module.
 */
export interface RowProgram {
  /** A categorical input reaches the graph as its one-hot encoding, float32 [BLOCK_ROWS, vocabulary.length]. */
  readonly inputs: readonly { readonly of: InferenceInput; readonly value: Value }[];
  readonly parameters: readonly { readonly value: Value; readonly values: Float32Array }[];
  /** Float32 [BLOCK_ROWS, width]. */
  readonly output: { readonly name: string; readonly value: Value };
  readonly nodes: Graph["nodes"];
}

export function widthOf(input: InferenceInput): number {
  return input.kind === "numeric" ? input.width : input.vocabulary.length;
}
