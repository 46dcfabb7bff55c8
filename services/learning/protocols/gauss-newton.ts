import type * as tf from "@tensorflow/tfjs";
import { imputedOf } from "./causal.ts";
import { inputGradients } from "./input-gradient.ts";
import type { Protocol } from "./protocol.ts";

export const gaussNewton: Protocol = {
  name: "gauss-newton",
  summary: "Extrapolate the prediction to the annotated input along its gradient, then fit the observed target.",
  equation:
    "min_M  E (y - yhat)^2 - 2 (y - yhat) d + d^2,  d := grad_z M(x2, zhat) . (ztilde - zhat)   (paper, footnote 4)",
  advice:
    "The prediction-side expansion. Its first-order form alone is unbounded below and diverges; with d^2, it is the " +
    "squared error at ztilde, linearized. Needs ztilde, z calibrated on an audit sample. For real outputs. Causal " +
    "makes better use of an audit sample; use this form if ytilde is hard to model.",
  parameters: {},
  requiresUpstream: true,
  coordinated: false,
  needs: () => ({ noise: false, previous: false, counterfactual: "none", calibrated: true }),
  loss: (step) => {
    const { tf } = step;
    const imputed = imputedOf(step);
    if (step.calibrated === undefined) throw new TypeError("gauss-newton requires calibrated inputs");
    const shift = tf.sub(step.calibrated, imputed);
    const gradients = inputGradients(tf, (z) => step.output(z), imputed, step.target.shape[1]);
    const moves = gradients.map((g) => tf.sum(tf.mul(g, shift), -1, true));
    return step.loss(tf.add(step.output(imputed), tf.concat(moves, 1)) as tf.Tensor2D, step.target);
  },
};
