import type { CounterfactualFunction } from "./counterfactual.ts";
import type { CounterfactualEvidence } from "./evidence.ts";
import type { CounterfactualSourceName } from "./source-names.ts";

/** One way to know ytilde := M2*(x2, zhat), the output had the imputed inputs been the true ones. */
export interface CounterfactualSource {
  readonly name: CounterfactualSourceName;
  /** What must be observed, in one line with the paper's symbols. */
  readonly observes: string;
  /** Why the evidence does not identify ytilde this way, in one sentence; undefined when it does. */
  missing(evidence: CounterfactualEvidence): string | undefined;
  /**
   * Called only where nothing is missing. The same evidence gives the same function on the same engine.
   *
   * @throws UncoupleError `cancelled`, `failed-precondition` (a helper network's loss is not finite)
   */
  prepare(evidence: CounterfactualEvidence): Promise<CounterfactualFunction>;
}

/** Why an audit sample cannot serve, for the sources that need one. */
export function auditMissing({ audit }: CounterfactualEvidence): string | undefined {
  return "missing" in audit ? audit.missing : undefined;
}
