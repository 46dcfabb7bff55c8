import { fitFewRows } from "../fitting/fit-few-rows.ts";
import { fitTargetOf, targetLink } from "../fitting/fit-target.ts";
import { concatColumns } from "../fitting/matrices.ts";
import { auditOf } from "./calibration.ts";
import { auditMissing, type CounterfactualSource } from "./source.ts";

/**
 * Fits g(x2, z) to y on the audited rows alone; ytilde = g(x2, zhat). Unbiased, but limited by the size of the audit
 * sample.
 */
export const auditDirect: CounterfactualSource = {
  name: "audit-direct",
  observes: "(x2, z, y) in the audit sample",
  missing: auditMissing,
  prepare: async (evidence) => {
    const audit = auditOf(evidence);
    const { dataset, fit } = evidence;
    const inputs = [concatColumns(audit.own, audit.annotated)];
    const { layers } = await fitFewRows({ inputs, ...fitTargetOf(dataset, audit) }, fit);
    return { description: `audit-direct (${audit.rows} audited rows)`, layers, link: targetLink(dataset) };
  },
};
