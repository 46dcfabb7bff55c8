import { UncoupleError } from "../../common/errors.ts";
import type { Matrix } from "../dataset/encoded-dataset.ts";
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
 * In the order in which `auto` prefers them: the truth where it is known, then by the loss that they leave after a
 * consistent update of the upstream component (`reproduce estimators` prints it).
 */
export const counterfactualSources: readonly CounterfactualSource[] = [
  oracle,
  pooled,
  calibration,
  residualized,
  auditDirect,
  matching,
];

const NEVER =
  "Its inputs, imputed values and target alone never can: whatever one-to-one map of the true upstream values one " +
  "supposes, some function of them fits as well. A few hundred training rows in which the upstream targets are " +
  "annotated (`audit:` in the pipeline file) are enough";

/**
 * @param name a source, or `auto`: the first whose evidence is there
 * @throws UncoupleError `failed-precondition` saying why the data cannot identify the counterfactual output
 */
export function chooseSource(name: string, evidence: CounterfactualEvidence): CounterfactualSource {
  const { component } = evidence.dataset;
  if (name === "auto") {
    const found = counterfactualSources.find((source) => source.missing(evidence) === undefined);
    if (found !== undefined) return found;
    const reasons = [...new Set(counterfactualSources.map((source) => source.missing(evidence)))].join("; ");
    throw unidentified(`nothing identifies the counterfactual output of ${component.name}: ${reasons}`, evidence);
  }
  const current = Object.hasOwn(deprecatedSourceNames, name) ? deprecatedSourceNames[name] : name;
  const source = counterfactualSources.find((candidate) => candidate.name === current);
  if (source === undefined) {
    throw new UncoupleError("invalid-argument", `${component.name}: there is no counterfactual source "${name}"`);
  }
  const missing = source.missing(evidence);
  if (missing === undefined) return source;
  throw unidentified(`${component.name}: source "${name}" needs ${source.observes}: ${missing}`, evidence);
}

/** @throws UncoupleError as `chooseSource`, and as the source's `prepare` */
export async function prepareCounterfactual(
  name: string,
  evidence: CounterfactualEvidence,
): Promise<CounterfactualFunction> {
  return chooseSource(name, evidence).prepare(evidence);
}

/**
 * z as it would have been annotated, in every training row.
 *
 * @throws UncoupleError `failed-precondition` where no audit sample annotates z
 */
export async function prepareCalibrated(
  evidence: CounterfactualEvidence,
): Promise<{ readonly description: string; readonly matrix: Matrix }> {
  const missing = auditMissing(evidence);
  if (missing !== undefined) {
    throw unidentified(
      `${evidence.dataset.component.name}: calibrating its inputs needs annotated rows: ${missing}`,
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
