import type * as tf from "@tensorflow/tfjs";
import type { ProtocolParameterRange } from "../../pipeline/files/protocol-catalog.ts";
import { counterfactualSourceNames, deprecatedSourceNames } from "../counterfactual/source-names.ts";
import type { Protocol, ProtocolStep } from "./protocol.ts";

/** Where ytilde comes from; `auto` takes the best that the data can identify. */
export const counterfactualSource: ProtocolParameterRange = {
  choices: ["auto", ...counterfactualSourceNames],
  deprecatedChoices: deprecatedSourceNames,
  default: "auto",
};

/** The imputed inputs, which `requiresUpstream` guarantees. */
export function imputedOf(step: ProtocolStep): tf.Tensor2D {
  if (step.imputed === undefined)
    throw new TypeError("a protocol that requires upstream was given a component without");
  return step.imputed;
}

/**
 * Eq. 5 of the paper, L(Yhat, Y) + dL/dY (Ytilde - Y), has for the squared error, the cross-entropy and the policy
 * reward exactly the gradient of L(Yhat, Ytilde): the first differs from it by (Ytilde - Y)^2, which no parameter
 * moves, and the other two are linear in Y. So the loss against Ytilde is what is minimized, and its value stays
 * readable (it falls to 0).
 */
export const causal: Protocol = {
  name: "causal",
  summary: "Fit the counterfactual output ytilde: what y would have been, had the inputs been the imputed ones.",
  equation:
    "min_M  E L(M(x2, zhat), y) + dL/dY [ytilde - y],  ytilde := M2*(x2, zhat)       (paper, Eq. 5; = Eq. 4 here)",
  advice:
    "Keeps the component from correcting its upstream's mistakes, so it can be trained in parallel with everything " +
    "else and the pipeline improves when an upstream becomes right. Today's loss is higher than under async: that is " +
    "the price. Needs a source of ytilde (an oracle, or a few hundred audited rows) and imputed inputs that cover " +
    "their space: where they do not, use causal-proximal. Every component must be causal for a deep pipeline to be.",
  parameters: { source: counterfactualSource },
  requiresUpstream: true,
  coordinated: false,
  needs: () => ({ noise: false, previous: false, counterfactual: "values", calibrated: false }),
  loss: (step) => {
    const imputed = imputedOf(step);
    return step.loss(step.output(imputed), step.counterfactual(imputed));
  },
};
