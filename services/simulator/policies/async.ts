import type { PolicyKind } from "./policy.ts";
import { ALL } from "./releases.ts";
import { plain } from "./trainings.ts";

export const async: PolicyKind = {
  name: "async",
  create: () => ({
    summary: "every team trains on what is in use and deploys by itself",
    release: ALL,
    training: plain,
  }),
};
