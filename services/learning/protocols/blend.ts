import type * as tf from "@tensorflow/tfjs";
import { counterfactualSource, imputedOf } from "./causal.ts";
import { numberOf, type Protocol } from "./protocol.ts";

export const blend: Protocol = {
  name: "blend",
  summary: "A target between causal and async: weight * ytilde + (1 - weight) * y.",
  equation: "min_M  E L(M(x2, zhat), weight ytilde + (1 - weight) y)",
  advice:
    "Trades current loss for robustness to upstream updates: weight 0 is async, weight 1 is causal. Use it to move a " +
    "running pipeline toward causal in steps small enough to pass a gate on the current loss.",
  parameters: { source: counterfactualSource, weight: { min: 0, max: 1, default: 0.5 } },
  requiresUpstream: true,
  coordinated: false,
  needs: () => ({ noise: false, previous: false, counterfactual: "values", calibrated: false }),
  loss: (step, parameters) => {
    const { tf } = step;
    const weight = numberOf(parameters, "weight");
    const imputed = imputedOf(step);
    const target = tf.add(tf.mul(step.counterfactual(imputed), weight), tf.mul(step.target, 1 - weight));
    return step.loss(step.output(imputed), target as tf.Tensor2D);
  },
};
