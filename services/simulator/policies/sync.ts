import type { PolicyKind } from "./policy.ts";
import { plain } from "./trainings.ts";

export const sync: PolicyKind = {
  name: "sync",
  create: () => ({
    summary: "one release train a tick: all teams that wish to train, then everything downstream, one after another",
    release: { by: "train" },
    training: plain,
  }),
};
