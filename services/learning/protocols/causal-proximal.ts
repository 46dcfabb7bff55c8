import { counterfactualSource, imputedOf } from "./causal.ts";
import { numberOf, type Protocol } from "./protocol.ts";
import { perturbed } from "./proximal.ts";

export const causalProximal: Protocol = {
  name: "causal-proximal",
  summary: "Causal at perturbed inputs: the input and the counterfactual output both move to zhat + delta.",
  equation: "min_M  E L(M(x2, zhat + delta), M2*(x2, zhat + delta)),  delta ~ sigma std(zhat) N(0, I) each step",
  advice:
    "The combination that the paper conjectures. Costs nothing where causal works, and is essential if the upstream " +
    "output does not cover its space (low effective rank): causal alone then leaves the component underdetermined. " +
    "The target must move with the input: perturbed inputs with an unperturbed target increase the loss. Use a sigma " +
    "between 0.3 and 0.6.",
  parameters: { source: counterfactualSource, sigma: { min: 0, default: 0.3 } },
  requiresUpstream: true,
  coordinated: false,
  needs: () => ({ noise: true, previous: false, counterfactual: "function", calibrated: false }),
  loss: (step, parameters) => {
    const moved = perturbed(step, numberOf(parameters, "sigma")) ?? imputedOf(step);
    return step.loss(step.output(moved), step.counterfactual(moved));
  },
};
