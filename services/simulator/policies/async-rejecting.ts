import type { PolicyKind } from "./policy.ts";
import { plain } from "./trainings.ts";

export const asyncRejecting: PolicyKind = {
  name: "async-rejecting",
  create: () => ({
    summary: "as async, but an update whose verdict says that it degrades the pipeline is rejected",
    release: { by: "each", rejects: true },
    training: plain,
  }),
};
