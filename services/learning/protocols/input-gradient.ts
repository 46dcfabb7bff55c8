import type * as tf from "@tensorflow/tfjs";

/**
 * Computes the gradient of every output coordinate with respect to the imputed inputs, row by row.
 *
 * @param output maps imputed inputs [batch, q] to outputs [batch, outputs]
 * @returns `outputs` tensors [batch, q]: d output_k / d imputed
 */
export function inputGradients(
  { grad, slice, sum }: typeof tf,
  output: (imputed: tf.Tensor2D) => tf.Tensor2D,
  imputed: tf.Tensor2D,
  outputs: number,
): tf.Tensor2D[] {
  // Each output row depends only on its own input row, so the gradient of the sum over rows contains the gradients of
  // all rows.
  return Array.from({ length: outputs }, (_, k) => {
    const coordinate = (z: tf.Tensor) => {
      const all = output(z as tf.Tensor2D);
      return sum(outputs === 1 ? all : slice(all, [0, k], [-1, 1]));
    };
    return grad(coordinate)(imputed) as tf.Tensor2D;
  });
}
