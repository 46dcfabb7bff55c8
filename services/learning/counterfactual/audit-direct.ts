import { fitFewRows } from "../fitting/fit-few-rows.ts";
import { fitTargetOf, targetLink } from "../fitting/fit-target.ts";
import { concatColumns } from "../fitting/matrices.ts";
import { auditOf } from "./calibration.ts";
import { combinationCount } from "./class-mixture.ts";
import type { CounterfactualEvidence } from "./evidence.ts";
import { auditMissing, type CounterfactualSource, labeledUpstream } from "./source.ts";

/** A mixture evaluates its function once for every combination. */
const MAX_COMBINATIONS = 64;

/**
 * Fits g(x2, z) to y on the audited rows alone; ytilde = g(x2, zhat). Unbiased, but limited by the size of the audit
 * sample. Where the audit has labels and zhat is a probability, g is known at labels only, so ytilde is the sum over
 * classes of zhat_c g(x2, e_c): E[y | x2, zhat] if y depends on the label, but not if it depends on the probability.
 */
export const auditDirect: CounterfactualSource = {
  name: "audit-direct",
  observes: "(x2, z, y) in the audit sample",
  missing: (evidence) => auditMissing(evidence) ?? tooManyCombinations(evidence),
  caution: (evidence) => {
    const upstream = labeledUpstream(evidence);
    return upstream === undefined
      ? undefined
      : `audit-direct learns from labels of ${upstream} and sums over its classes, zhat_c g(x2, e_c), which is right only ` +
          "if y depends on the label itself, not on its probability; use calibration";
  },
  prepare: async (evidence) => {
    const audit = auditOf(evidence);
    const { dataset, fit } = evidence;
    const inputs = [concatColumns(audit.own, audit.annotated)];
    const { layers } = await fitFewRows({ inputs, ...fitTargetOf(dataset, audit) }, fit);
    const own = dataset.own?.width ?? 0;
    const classes = audit.labeled.map((block) => ({ ...block, offset: own + block.offset }));
    return {
      description: `audit-direct (${audit.rows} audited rows)`,
      layers,
      link: targetLink(dataset),
      ...(classes.length > 0 && { classes }),
    };
  },
};

function tooManyCombinations({ audit }: CounterfactualEvidence): string | undefined {
  const count = "missing" in audit ? 0 : combinationCount(audit.labeled);
  return count > MAX_COMBINATIONS
    ? `the audited labels have ${count} combinations of classes; audit-direct sums over at most ${MAX_COMBINATIONS}`
    : undefined;
}
