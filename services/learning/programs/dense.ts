import type * as Tf from "@tensorflow/tfjs";
import { createRandom } from "../../data/random/random.ts";
import { tf } from "../../engine/tfjs/tf.ts";
import type { Network, NetworkBuilder, NetworkShape } from "./network.ts";

/**
 * A dense network with ReLU after every hidden layer; an empty `hidden` is a linear model. Initializes weights that
 * feed a ReLU from N(0, 2 / fan_in) (He et al. 2015), those of the last layer from N(0, 1 / fan_in) (LeCun et al.
 * 1998), and biases with 0. The variance of the last layer matters: with 2 / fan_in, the paper's M1 has more than twice
 * the error after the same number of steps.
 */
export function denseNetwork(shape: NetworkShape, hidden: readonly number[]): NetworkBuilder {
  const widths = [shape.inputs, ...hidden, shape.outputs];
  const initial = widths.slice(1).map((outputs, layer) => {
    const inputs = widths[layer] as number;
    const weights = new Float32Array(inputs * outputs);
    const variance = (layer < hidden.length ? 2 : 1) / inputs;
    createRandom(shape.seed, "weights", layer).fillGaussian(weights, Math.sqrt(variance));
    return { inputs, outputs, weights };
  });
  return (): Network => {
    const layers = initial.map(({ inputs, outputs, weights }, layer) => ({
      name: `dense${layer}`,
      weights: tf.variable(tf.tensor2d(weights, [inputs, outputs])),
      bias: tf.variable(tf.zeros([outputs])),
    }));
    return {
      variables: Object.fromEntries(
        layers.flatMap((layer) => [
          [`${layer.name}/weights`, layer.weights],
          [`${layer.name}/bias`, layer.bias],
        ]),
      ),
      apply: (inputs) =>
        layers.reduce((x, layer, i) => {
          const affine = tf.add(tf.matMul(x, layer.weights as Tf.Tensor2D), layer.bias) as Tf.Tensor2D;
          return i < layers.length - 1 ? tf.relu(affine) : affine;
        }, inputs),
      dispose: () => {
        for (const layer of layers) {
          layer.weights.dispose();
          layer.bias.dispose();
        }
      },
    };
  };
}
