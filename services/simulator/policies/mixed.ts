import type { PolicyKind } from "./policy.ts";
import { ALL } from "./releases.ts";
import { downstream, plain } from "./trainings.ts";

export const mixed: PolicyKind = {
  name: "mixed",
  argument: {
    name: "SHARE",
    expected: "a share of the teams from 0 to 1",
    isValid: (value) => value >= 0 && value <= 1,
  },
  create: (share) => ({
    summary: `${share} of the teams are causal, the others async; a larger share only adds teams`,
    release: ALL,
    training: (role) => (role.rank < share ? downstream("causal", { source: "oracle" })(role) : plain()),
  }),
};
