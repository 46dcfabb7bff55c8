import { UncoupleError } from "../../common/errors.ts";
import type { RowMatrix } from "../dataset/row-matrix.ts";
import { auditDirect } from "./audit-direct.ts";
import { auditOf, calibrate } from "./calibration.ts";
import { calibration } from "./calibration-source.ts";
import type { CounterfactualFunction } from "./counterfactual.ts";
import type { CounterfactualEvidence } from "./evidence.ts";
import { matching } from "./matching.ts";
import { oracle } from "./oracle-source.ts";
import { pooled } from "./pooled.ts";
import { residualized } from "./residualized.ts";
import { auditMissing, type CounterfactualSource } from "./source.ts";
import { deprecatedSourceNames } from "./source-names.ts";

/**
 * All sources in the order in which `auto` prefers them: the oracle first, then by increasing pipeline loss after a
 * consistent update of the upstream component (measured by `reproduce estimators`). `auto` skips a source with a
 * caution.
 */
export const counterfactualSources: readonly CounterfactualSource[] = [
  oracle,
  pooled,
  calibration,
  residualized,
  auditDirect,
  matching,
];

/** What sources do where an upstream's output is a probability and the audit has its label. */
export const LABELS_RULE =
  "Where an upstream's output is a probability and the audit annotates its label, z is a class in the audit but a " +
  "probability in training. auto then skips pooled and audit-direct, and both warn if a team file names them. pooled " +
  "fits one function to both, although y need not depend on a label as it depends on a probability. audit-direct knows " +
  "its function at labels only and sums over the classes, zhat_c g(x2, e_c), which is right only if y depends on the " +
  "label itself. calibration fits f at E[z | x1], the probability, and is right in either case.";

const NEVER =
  "Its inputs, imputed values and target alone are not sufficient: for any one-to-one map of the true upstream " +
  "values, some function of the mapped values fits equally well. Annotate the upstream targets of a few hundred " +
  "training rows (`audit:` in the pipeline file)";

/**
 * Finds a source by name.
 *
 * @param name a source, or `auto` for the first one whose evidence is available and that has no caution
 * @throws UncoupleError `failed-precondition` saying why the data cannot identify the counterfactual output,
 *   `invalid-argument` for an unknown name
 */
export function chooseSource(name: string, evidence: CounterfactualEvidence): CounterfactualSource {
  const { component } = evidence.dataset;
  if (name === "auto") {
    const found = counterfactualSources.find(
      (source) => source.missing(evidence) === undefined && source.caution?.(evidence) === undefined,
    );
    if (found !== undefined) return found;
    const reasons = [...new Set(counterfactualSources.map((source) => source.missing(evidence)))].join("; ");
    throw unidentified(`no source can identify the counterfactual output of ${component.name}: ${reasons}`, evidence);
  }
  const current = Object.hasOwn(deprecatedSourceNames, name) ? deprecatedSourceNames[name] : name;
  const source = counterfactualSources.find((candidate) => candidate.name === current);
  if (source === undefined) {
    throw new UncoupleError("invalid-argument", `${component.name}: unknown counterfactual source "${name}"`);
  }
  const missing = source.missing(evidence);
  if (missing === undefined) return source;
  throw unidentified(`${component.name}: source "${name}" needs ${source.observes}: ${missing}`, evidence);
}

/**
 * Finds the source and prepares it.
 *
 * @param onWarning called with the source's caution, if it has one
 * @throws UncoupleError as `chooseSource` and the source's `prepare`
 */
export async function prepareCounterfactual(
  name: string,
  evidence: CounterfactualEvidence,
  onWarning: (message: string) => void,
): Promise<CounterfactualFunction> {
  const source = chooseSource(name, evidence);
  const caution = source.caution?.(evidence);
  if (caution !== undefined) onWarning(caution);
  return source.prepare(evidence);
}

/**
 * Estimates the annotated z on every training row.
 *
 * @throws UncoupleError `failed-precondition` if no audit sample annotates z
 */
export async function prepareCalibrated(
  evidence: CounterfactualEvidence,
): Promise<{ readonly description: string; readonly matrix: RowMatrix }> {
  const missing = auditMissing(evidence);
  if (missing !== undefined) {
    throw unidentified(
      `${evidence.dataset.component.name}: calibrating its inputs requires annotated rows: ${missing}`,
      evidence,
    );
  }
  const matrix = await calibrate(evidence);
  return { description: `calibrated inputs (${auditOf(evidence).rows} audited rows)`, matrix };
}

function unidentified(what: string, evidence: CounterfactualEvidence): UncoupleError {
  const why = "missing" in evidence.audit ? `. ${NEVER}` : "";
  return new UncoupleError("failed-precondition", `${what}${why}`);
}
