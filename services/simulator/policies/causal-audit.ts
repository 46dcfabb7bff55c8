import { protocolSpec } from "../../learning/protocols/protocol-spec.ts";
import type { PolicyKind } from "./policy.ts";
import { ALL } from "./releases.ts";
import { plain } from "./trainings.ts";

/** Fewer audited rows identify nothing (learning/counterfactual/evidence.ts). */
const FEWEST = 20;

export const causalAudit: PolicyKind = {
  name: "causal-audit",
  argument: {
    name: "N",
    expected: `a whole number of audited rows, at least ${FEWEST}`,
    isValid: (value) => Number.isInteger(value) && value >= FEWEST,
  },
  create: (audited) => ({
    summary: `every team fits the counterfactual output that ${audited} annotated rows show`,
    release: ALL,
    training: ({ readsOthers }) => (readsOthers ? { protocol: protocolSpec("causal"), audited } : plain()),
  }),
};
