/** Names of the counterfactual sources in team files, in the order in which `auto` prefers them. */
export const counterfactualSourceNames = [
  "oracle",
  "pooled",
  "calibration",
  "residualized",
  "audit-direct",
  "matching",
] as const;

/** Former names, which stored runs and team files may still contain, each with the current one. */
export const deprecatedSourceNames: Readonly<Record<string, CounterfactualSourceName>> = {
  residualised: "residualized",
};

export type CounterfactualSourceName = (typeof counterfactualSourceNames)[number];
