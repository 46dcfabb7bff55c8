import type { PolicyKind } from "./policy.ts";
import { ALL } from "./releases.ts";
import { downstream } from "./trainings.ts";

export const causal: PolicyKind = {
  name: "causal",
  create: () => ({
    summary: "every team fits the counterfactual output of the oracle",
    release: ALL,
    training: downstream("causal", { source: "oracle" }),
  }),
};
