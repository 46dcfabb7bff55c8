import type { DenseLayer } from "../../data/source/oracle.ts";

/**
 * Averages several networks with one hidden layer into one network by concatenating their hidden layers.
 *
 * @param networks two layers each, with the same inputs and outputs
 */
export function averageNetworks(networks: readonly (readonly DenseLayer[])[]): readonly DenseLayer[] {
  const firsts = networks.map((layers) => layers[0] as DenseLayer);
  const lasts = networks.map((layers) => layers[1] as DenseLayer);
  const { inputs } = firsts[0] as DenseLayer;
  const { outputs } = lasts[0] as DenseLayer;
  const hidden = firsts.reduce((sum, layer) => sum + layer.outputs, 0);
  const first: DenseLayer = {
    inputs,
    outputs: hidden,
    weights: new Float32Array(inputs * hidden),
    bias: new Float32Array(hidden),
  };
  const last: DenseLayer = {
    inputs: hidden,
    outputs,
    weights: new Float32Array(hidden * outputs),
    bias: new Float32Array(outputs),
  };
  let offset = 0;
  firsts.forEach((from, n) => {
    for (let i = 0; i < inputs; i++) {
      first.weights.set(from.weights.subarray(i * from.outputs, (i + 1) * from.outputs), i * hidden + offset);
    }
    first.bias.set(from.bias, offset);
    const to = lasts[n] as DenseLayer;
    last.weights.set(
      to.weights.map((weight) => weight / networks.length),
      offset * outputs,
    );
    to.bias.forEach((value, o) => {
      last.bias[o] = (last.bias[o] as number) + value / networks.length;
    });
    offset += from.outputs;
  });
  return [first, last];
}
