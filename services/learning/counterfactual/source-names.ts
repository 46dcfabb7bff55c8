/** The counterfactual sources by the names that team files use. */
export const counterfactualSourceNames = [
  "oracle",
  "audit-direct",
  "residualised",
  "calibration",
  "pooled",
  "matching",
] as const;

export type CounterfactualSourceName = (typeof counterfactualSourceNames)[number];
