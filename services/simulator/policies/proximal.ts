import { protocolSpec } from "../../learning/protocols/protocol-spec.ts";
import type { PolicyKind } from "./policy.ts";
import { ALL } from "./releases.ts";

export const proximal: PolicyKind = {
  name: "proximal",
  create: () => ({
    summary: "every team stays near its model in use and trains on perturbed predictions",
    release: ALL,
    training: () => ({ protocol: protocolSpec("proximal") }),
  }),
};
