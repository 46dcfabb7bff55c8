import type * as tf from "@tensorflow/tfjs";
import type { ProtocolParameterRange } from "../../pipeline/files/protocol-catalog.ts";
import { counterfactualSourceNames, deprecatedSourceNames } from "../counterfactual/source-names.ts";
import type { Protocol, ProtocolStep } from "./protocol.ts";

/** Where ytilde comes from; `auto` selects the best source that the data supports. */
export const counterfactualSource: ProtocolParameterRange = {
  choices: ["auto", ...counterfactualSourceNames],
  deprecatedChoices: deprecatedSourceNames,
  default: "auto",
};

/** The imputed inputs. Guaranteed to be present by `requiresUpstream`. */
export function imputedOf(step: ProtocolStep): tf.Tensor2D {
  if (step.imputed === undefined)
    throw new TypeError("a protocol that requires upstream was given a component without upstream");
  return step.imputed;
}

/**
 * Minimizes L(Yhat, Ytilde). For the squared error, the cross-entropy and the policy reward, its gradient equals that
 * of Eq. 5 of the paper, L(Yhat, Y) + dL/dY (Ytilde - Y): for the first, the two differ by (Ytilde - Y)^2, which does
 * not depend on the parameters; the other two are linear in Y. L(Yhat, Ytilde) is easier to interpret: it falls to 0.
 */
export const causal: Protocol = {
  name: "causal",
  summary: "Fit the counterfactual output ytilde: what y would have been had the inputs been the imputed ones.",
  equation:
    "min_M  E L(M(x2, zhat), y) + dL/dY [ytilde - y],  ytilde := M2*(x2, zhat)       (paper, Eq. 5; = Eq. 4 here)",
  advice:
    "Keeps the component from correcting its upstream's errors, so that it can train in parallel with all others and " +
    "the pipeline improves when its upstream does. The price is a higher current loss than with async. Needs a " +
    "source of ytilde (an oracle, or a few hundred audited rows) and imputed inputs that cover their space; if they " +
    "do not, use causal-proximal. A deep pipeline benefits only if every component is causal.",
  parameters: { source: counterfactualSource },
  requiresUpstream: true,
  coordinated: false,
  needs: () => ({ noise: false, previous: false, counterfactual: "values", calibrated: false }),
  loss: (step) => {
    const imputed = imputedOf(step);
    return step.loss(step.output(imputed), step.counterfactual(imputed));
  },
};
