import { UncoupleError } from "../../common/errors.ts";
import type { Matrix } from "../dataset/encoded-dataset.ts";
import { evaluateDense } from "../fitting/dense-function.ts";
import { fitFewRows } from "../fitting/fit-few-rows.ts";
import { add, concatColumns, subtract } from "../fitting/matrices.ts";
import type { AuditSample, CounterfactualEvidence } from "./evidence.ts";

/**
 * Regression calibration (Carroll et al. 2006, Measurement Error in Nonlinear Models, chapter 4): estimates z on every
 * training row as ztilde = zhat + r(...), with r fitted to z - zhat on the audited rows. r reads the columns that the
 * ancestors read; cross-validation decides whether it also reads zhat and the component's own columns.
 *
 * @returns ztilde on every training row, in the space of the imputed inputs
 */
export async function calibrate(evidence: CounterfactualEvidence): Promise<Matrix> {
  const { dataset, fit } = evidence;
  const audit = auditOf(evidence);
  const all = { imputed: dataset.imputed as Matrix, context: audit.trainingContext, own: dataset.own };
  const choices = ({ context, own, imputed }: { imputed: Matrix; context: Matrix; own?: Matrix | undefined }) => {
    const others = own === undefined ? [imputed] : [own, imputed];
    return audit.context.width === 0 ? [others] : [[context], [context, ...others]];
  };
  const { chosen, layers } = await fitFewRows(
    {
      inputs: choices(audit).map((parts) => concatColumns(...parts)),
      target: subtract(audit.annotated, audit.imputed),
      kind: "regression",
    },
    fit,
  );
  return add(all.imputed, await evaluateDense(layers, choices(all)[chosen] as Matrix[]));
}

/**
 * The audit sample.
 *
 * @throws UncoupleError `internal` if it is missing, which `auditMissing` rules out
 */
export function auditOf({ audit }: CounterfactualEvidence): AuditSample {
  if ("missing" in audit) throw new UncoupleError("internal", `an audit sample was read although ${audit.missing}`);
  return audit;
}
