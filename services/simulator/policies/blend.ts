import type { PolicyKind } from "./policy.ts";
import { ALL } from "./releases.ts";
import { downstream } from "./trainings.ts";

export const blend: PolicyKind = {
  name: "blend",
  argument: {
    name: "WEIGHT",
    expected: "a number from 0 (async) to 1 (causal)",
    isValid: (value) => value >= 0 && value <= 1,
  },
  create: (weight) => ({
    summary: `every team fits ${weight} of the counterfactual output and ${1 - weight} of the observed one`,
    release: ALL,
    training: downstream("blend", { source: "oracle", weight }),
  }),
};
