/** A layer of a dense network, which has ReLU between its layers and none after the last. */
export interface DenseLayer {
  /** Row-major [inputs, outputs]. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly inputs: number;
  readonly outputs: number;
}

/**
 * The data-generating function M* of a component: its output if its inputs were set to the given values (Modi et al.
 * 2023, section 3: ytilde := M2*(x2, zhat)). A list of layers, so that compiled training steps can evaluate it, too.
 */
export interface CounterfactualOracle {
  /** The inputs in order, data columns and upstream outputs, whose values are concatenated. */
  readonly inputs: readonly { readonly name: string; readonly width: number }[];
  readonly layers: readonly DenseLayer[];
}

/**
 * Evaluates an oracle.
 * @param inputs the oracle's inputs in order, each [rows * width]
 * @returns [rows * outputs of the last layer]. Sums are float64 in a fixed order, so results are equal on all machines.
 */
export function evaluateOracle(
  oracle: CounterfactualOracle,
  inputs: readonly Float32Array[],
  rows: number,
): Float32Array {
  const { layers } = oracle;
  const widest = Math.max(...layers.flatMap((layer) => [layer.inputs, layer.outputs]));
  let from = new Float64Array(widest);
  let to = new Float64Array(widest);
  const outputs = layers.at(-1)?.outputs ?? 0;
  const result = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row += 1) {
    let filled = 0;
    for (let i = 0; i < inputs.length; i += 1) {
      const width = oracle.inputs[i]?.width ?? 0;
      const values = inputs[i] as Float32Array;
      for (let j = 0; j < width; j += 1) {
        from[filled] = values[row * width + j] as number;
        filled += 1;
      }
    }
    for (let l = 0; l < layers.length; l += 1) {
      applyLayer(layers[l] as DenseLayer, from, to, l < layers.length - 1);
      [from, to] = [to, from];
    }
    for (let j = 0; j < outputs; j += 1) result[row * outputs + j] = from[j] as number;
  }
  return result;
}

function applyLayer(layer: DenseLayer, from: Float64Array, to: Float64Array, relu: boolean): void {
  const { weights, bias, inputs, outputs } = layer;
  for (let j = 0; j < outputs; j += 1) {
    let sum = bias[j] as number;
    for (let i = 0; i < inputs; i += 1) sum += (from[i] as number) * (weights[i * outputs + j] as number);
    to[j] = relu && sum < 0 ? 0 : sum;
  }
}
