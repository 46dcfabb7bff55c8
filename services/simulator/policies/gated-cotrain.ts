import type { PolicyKind } from "./policy.ts";
import { GATED } from "./releases.ts";
import { plain } from "./trainings.ts";

export const gatedCotrain: PolicyKind = {
  name: "gated-cotrain",
  create: () => ({
    summary: "as gated-sets, and consumers retrain on candidates that are held for them",
    release: { ...GATED, sets: true, cotrains: true },
    training: plain,
  }),
};
