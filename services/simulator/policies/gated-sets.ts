import type { PolicyKind } from "./policy.ts";
import { GATED } from "./releases.ts";
import { plain } from "./trainings.ts";

export const gatedSets: PolicyKind = {
  name: "gated-sets",
  create: () => ({
    summary: "as gated, and what is no good alone is promoted in sets that are good together",
    release: { ...GATED, sets: true },
    training: plain,
  }),
};
