/** A dense network with ReLU between its layers, none after the last. */
export interface DenseLayer {
  /** Row-major [inputs, outputs]. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly inputs: number;
  readonly outputs: number;
}

/**
 * The data-generating function of one component, M*: its output if its inputs were forced to the given values
 * (Modi et al. 2023, section 3: ytilde := M2*(x2, zhat)). Given as layers, so that training programs can evaluate it
 * inside a compiled step as well as here.
 */
export interface CounterfactualOracle {
  /** The inputs it reads, in order: data columns and upstream outputs; their values are concatenated. */
  readonly inputs: readonly { readonly name: string; readonly width: number }[];
  readonly layers: readonly DenseLayer[];
}
