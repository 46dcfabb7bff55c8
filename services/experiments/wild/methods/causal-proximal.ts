import { byProtocol } from "./method.ts";

export const causalProximal = byProtocol(
  "causal-proximal",
  { source: "pooled" },
  {
    name: "causal-proximal:pooled",
    summary: "fits the counterfactual output at the predictions plus noise",
    audited: true,
    retrains: false,
  },
);
