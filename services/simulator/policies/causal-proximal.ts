import type { PolicyKind } from "./policy.ts";
import { ALL } from "./releases.ts";
import { downstream } from "./trainings.ts";

export const causalProximal: PolicyKind = {
  name: "causal-proximal",
  create: () => ({
    summary: "as causal, at perturbed predictions",
    release: ALL,
    training: downstream("causal-proximal", { source: "oracle" }),
  }),
};
