import type { UserModelModule } from "../../learning/programs/user-model.ts";

/** Linear in the inputs and their squares, so that it can express every M2 of the paper's Figure 1 exactly. */
export const buildModel: UserModelModule["buildModel"] = (tf, { inputs, outputs, seed }) => {
  const input = tf.input({ shape: [inputs] });
  const squares = tf.layers.multiply().apply([input, input]) as typeof input;
  const features = tf.layers.concatenate().apply([input, squares]) as typeof input;
  const kernelInitializer = tf.initializers.randomNormal({ mean: 0, stddev: 0.1, seed });
  const output = tf.layers.dense({ units: outputs, kernelInitializer }).apply(features) as typeof input;
  return tf.model({ inputs: input, outputs: output });
};
