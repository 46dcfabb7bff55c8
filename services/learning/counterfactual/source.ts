import type { CounterfactualFunction } from "./counterfactual.ts";
import type { CounterfactualEvidence } from "./evidence.ts";
import type { CounterfactualSourceName } from "./source-names.ts";

/** One way to estimate ytilde := M2*(x2, zhat), the output if the imputed inputs were the true ones. */
export interface CounterfactualSource {
  readonly name: CounterfactualSourceName;
  /** What must be observed: one line, in the paper's symbols. */
  readonly observes: string;
  /** Says in one sentence why this source cannot identify ytilde from the evidence; undefined if it can. */
  missing(evidence: CounterfactualEvidence): string | undefined;
  /**
   * Says in one sentence why the estimate may be wrong although the evidence is complete; undefined if nothing speaks
   * against it. `auto` skips such a source.
   */
  caution?(evidence: CounterfactualEvidence): string | undefined;
  /**
   * Called only if nothing is missing. The same evidence gives the same function on the same engine.
   *
   * @throws UncoupleError `cancelled`, `failed-precondition` (a helper network's loss is not finite)
   */
  prepare(evidence: CounterfactualEvidence): Promise<CounterfactualFunction>;
}

/** `CounterfactualSource.missing` of the sources that need an audit sample. */
export function auditMissing({ audit }: CounterfactualEvidence): string | undefined {
  return "missing" in audit ? audit.missing : undefined;
}

/** The upstream components whose outputs are probabilities while the audit sample has labels: `m1`, `m1 and m2`. */
export function labeledUpstream({ audit }: CounterfactualEvidence): string | undefined {
  if ("missing" in audit || audit.labeled.length === 0) return undefined;
  return audit.labeled.map(({ component }) => component).join(" and ");
}
