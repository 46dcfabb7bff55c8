import { UncoupleError } from "../../common/errors.ts";
import type { Matrix } from "../dataset/encoded-dataset.ts";
import { evaluateDense } from "../fitting/dense-function.ts";
import { fitFewRows } from "../fitting/fit-few-rows.ts";
import type { FitTarget } from "../fitting/fit-networks.ts";
import { add, type ColumnBlock, concatColumns, joinColumns, selectColumns, subtract } from "../fitting/matrices.ts";
import { softmaxRows } from "../fitting/softmax.ts";
import type { AuditSample, CounterfactualEvidence, LabeledInput } from "./evidence.ts";

/**
 * Regression calibration (Carroll et al. 2006, Measurement Error in Nonlinear Models, chapter 4): estimates E[z | x1] on
 * every training row. Where z is a number, ztilde = zhat + r(...), with r fitted to z - zhat on the audited rows. Where it
 * is a label, ztilde is the probability of each class, fitted to the labels by cross-entropy. The fits read the columns
 * that the ancestors read; cross-validation decides whether they also read zhat and the component's own columns.
 *
 * @returns ztilde on every training row, in the space of the imputed inputs
 */
export async function calibrate(evidence: CounterfactualEvidence): Promise<Matrix> {
  const { dataset } = evidence;
  const audit = auditOf(evidence);
  const imputed = dataset.imputed as Matrix;
  const isLabeled = (column: number) =>
    audit.labeled.some(({ offset, width }) => column >= offset && column < offset + width);
  const real = range(0, imputed.width).filter((column) => !isLabeled(column));
  const blocks: ColumnBlock[] = [];
  if (real.length > 0) {
    const target = selectColumns(subtract(audit.annotated, audit.imputed), real);
    const error = await fitAudited(evidence, { target, kind: "regression" });
    blocks.push({ columns: real, of: add(selectColumns(imputed, real), error) });
  }
  for (const labels of audit.labeled) {
    const columns = range(labels.offset, labels.width);
    const target = unstandardized(selectColumns(audit.annotated, columns), labels);
    const logits = await fitAudited(evidence, { target, kind: "classification" });
    softmaxRows(logits);
    blocks.push({ columns, of: standardized(logits, labels) });
  }
  return joinColumns(imputed.width, blocks);
}

/** Fits a target of the audited rows and evaluates the network on every training row. */
async function fitAudited(evidence: CounterfactualEvidence, target: FitTarget): Promise<Matrix> {
  const { dataset, fit } = evidence;
  const audit = auditOf(evidence);
  const choices = ({ context, own, imputed }: { imputed: Matrix; context: Matrix; own?: Matrix | undefined }) => {
    const others = own === undefined ? [imputed] : [own, imputed];
    return audit.context.width === 0 ? [others] : [[context], [context, ...others]];
  };
  const inputs = choices(audit).map((parts) => concatColumns(...parts));
  const { chosen, layers } = await fitFewRows({ inputs, ...target }, fit);
  const all = { imputed: dataset.imputed as Matrix, context: audit.trainingContext, own: dataset.own };
  return evaluateDense(layers, choices(all)[chosen] as Matrix[]);
}

function range(from: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, k) => from + k);
}

function unstandardized({ width, values }: Matrix, { mean, std }: LabeledInput): Matrix {
  return {
    width,
    values: values.map((value, i) => value * (std[i % width] as number) + (mean[i % width] as number)),
  };
}

function standardized({ width, values }: Matrix, { mean, std }: LabeledInput): Matrix {
  return {
    width,
    values: values.map((value, i) => (value - (mean[i % width] as number)) / (std[i % width] as number)),
  };
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
