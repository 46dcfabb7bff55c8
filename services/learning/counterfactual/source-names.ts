/** The counterfactual sources by the names that team files use. */
export const counterfactualSourceNames = ["oracle"] as const;

export type CounterfactualSourceName = (typeof counterfactualSourceNames)[number];
