import { byProtocol } from "./method.ts";

export const blend = byProtocol(
  "blend",
  { source: "pooled" },
  {
    name: "blend:pooled",
    summary: "fits the mean of y and the counterfactual output",
    audited: true,
    retrains: false,
  },
);
