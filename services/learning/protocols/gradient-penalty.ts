import { imputedOf } from "./causal.ts";
import { inputGradients } from "./input-gradient.ts";
import { needsNothing, numberOf, type Protocol } from "./protocol.ts";

export const gradientPenalty: Protocol = {
  name: "gradient-penalty",
  summary: "Penalize the sensitivity of the output to the imputed inputs.",
  equation: "min_M  E L(M(x2, zhat), y) + gamma |grad_z M(x2, zhat)|^2            (paper, footnote 4, z-free form)",
  advice:
    "The prediction-side regularizer for data without annotations: a component that depends less on its imputed " +
    "inputs is affected less when they shift. Roughly the proximal protocol with gamma = sigma^2, without its noise. " +
    "Costs a second-order gradient in every step.",
  parameters: { gamma: { min: 0, default: 0.05 } },
  requiresUpstream: true,
  coordinated: false,
  needs: () => needsNothing,
  loss: (step, parameters) => {
    const { tf } = step;
    const imputed = imputedOf(step);
    const fit = step.loss(step.output(imputed), step.target);
    const gradients = inputGradients(tf, (z) => step.link(step.output(z)), imputed, step.target.shape[1]);
    const penalty = tf.addN(gradients.map((g) => tf.mean(tf.sum(tf.square(g), -1))));
    return tf.add(fit, tf.mul(penalty, numberOf(parameters, "gamma")));
  },
};
