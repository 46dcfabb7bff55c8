import { needsNothing, type Protocol } from "./protocol.ts";

export const async: Protocol = {
  name: "async",
  summary: "Fit the observed target on the imputed inputs; every component trains independently.",
  equation: "min_M  E L(M(x2, zhat), y),  zhat := M1^0(x1)                                  (paper, Eq. 3)",
  advice:
    "The standard approach. Gives the lowest loss with the upstream snapshots that the component was trained on and " +
    "needs no coordination, but couples the component to their errors: an upstream improvement can degrade the " +
    "pipeline. Use it if upstream components rarely change, and let the evaluator judge every update.",
  parameters: {},
  requiresUpstream: false,
  coordinated: false,
  needs: () => needsNothing,
  loss: (step) => step.loss(step.output(step.imputed), step.target),
};
