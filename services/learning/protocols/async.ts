import { needsNothing, type Protocol } from "./protocol.ts";

export const async: Protocol = {
  name: "async",
  summary: "Fit the observed target on the imputed inputs; every component trains when it likes.",
  equation: "min_M  E L(M(x2, zhat), y),  zhat := M1^0(x1)                                  (paper, Eq. 3)",
  advice:
    "The usual way. It gives the lowest loss with the upstream snapshots that it was trained on, at no coordination, " +
    "and couples the component to their mistakes: an upstream update that is better can make the pipeline worse. Use " +
    "it where upstream components rarely change, and let the evaluator judge every update.",
  parameters: {},
  requiresUpstream: false,
  coordinated: false,
  needs: () => needsNothing,
  loss: (step) => step.loss(step.output(step.imputed), step.target),
};
