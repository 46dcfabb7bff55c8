import type { PolicyKind } from "./policy.ts";
import { GATED } from "./releases.ts";
import { plain } from "./trainings.ts";

/** What a transition may cost: audits are for pipelines that must get worse before they get better. */
const TRANSITION_BUDGET = 0.5;

export const gatedAudited: PolicyKind = {
  name: "gated-audited",
  create: () => ({
    summary: "as gated, but measured with annotated upstream outputs in place of predictions",
    release: { ...GATED, changes: { measure: "audited", transitionBudget: TRANSITION_BUDGET } },
    training: plain,
  }),
};
