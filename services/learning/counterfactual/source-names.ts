/** The counterfactual sources by the names that team files use, in the order in which `auto` prefers them. */
export const counterfactualSourceNames = [
  "oracle",
  "pooled",
  "calibration",
  "residualised",
  "audit-direct",
  "matching",
] as const;

export type CounterfactualSourceName = (typeof counterfactualSourceNames)[number];
