import type { PolicyKind } from "./policy.ts";
import { GATED } from "./releases.ts";
import { plain } from "./trainings.ts";

export const gated: PolicyKind = {
  name: "gated",
  create: () => ({
    summary: "an enforced gate promotes only what it can show to improve the pipeline",
    release: GATED,
    training: plain,
  }),
};
