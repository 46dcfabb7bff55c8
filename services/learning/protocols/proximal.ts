import type * as tf from "@tensorflow/tfjs";
import { numberOf, type Protocol, type ProtocolStep } from "./protocol.ts";

/** zhat + sigma * std(zhat) * N(0, I), with new noise in every step. The inputs are standardized, so their std is 1. */
export function perturbed(step: ProtocolStep, sigma: number): tf.Tensor2D | undefined {
  const { tf } = step;
  if (step.imputed === undefined || step.noise === undefined) return step.imputed;
  return tf.add(step.imputed, tf.mul(step.noise, sigma));
}

export const proximal: Protocol = {
  name: "proximal",
  summary: "Stay near the component's previous snapshot (lambda) and train on perturbed imputed inputs (sigma).",
  equation:
    "min_M  E L(M(x2, zhat + sigma std(zhat) eps), y) + lambda |M(x) - M^previous(x)|^2,  eps ~ N(0, I) each step",
  advice:
    "Limits the shift that consumers see (lambda, for a component with consumers) and makes a consumer robust to " +
    "small shifts (sigma, for a component that reads predictions). Cheap and independent. Reduces coupling without " +
    "removing it: a large upstream improvement still degrades the pipeline. sigma acts like a gradient penalty of " +
    "weight sigma^2.",
  parameters: {
    lambda: { min: 0, default: 1 },
    sigma: { min: 0, default: 0.15 },
  },
  requiresUpstream: false,
  coordinated: false,
  needs: (parameters, role) => ({
    noise: role.hasUpstream && numberOf(parameters, "sigma") > 0,
    previous: role.isConsumed && numberOf(parameters, "lambda") > 0,
    counterfactual: "none",
    calibrated: false,
  }),
  loss: (step, parameters) => {
    const { tf } = step;
    const inputs = perturbed(step, numberOf(parameters, "sigma"));
    const output = step.output(inputs);
    const fit = step.loss(output, step.target);
    if (step.previous === undefined) return fit;
    // Compare with the previous snapshot at the unperturbed inputs, because consumers see both there.
    const unperturbed = inputs === step.imputed ? output : step.output(step.imputed);
    const distance = tf.mean(tf.squaredDifference(step.link(unperturbed), step.previous));
    return tf.add(fit, tf.mul(distance, numberOf(parameters, "lambda")));
  },
};
