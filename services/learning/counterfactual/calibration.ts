import { UncoupleError } from "../../common/errors.ts";
import { type Matrix, mapRows, type RowMatrix } from "../dataset/row-matrix.ts";
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
export async function calibrate(evidence: CounterfactualEvidence): Promise<RowMatrix> {
  const { dataset } = evidence;
  const audit = auditOf(evidence);
  const imputed = dataset.imputed as RowMatrix;
  const isLabeled = (column: number) =>
    audit.labeled.some(({ offset, width }) => column >= offset && column < offset + width);
  const real = range(0, imputed.width).filter((column) => !isLabeled(column));
  const estimates: ((rows: CalibratedRows) => Promise<ColumnBlock>)[] = [];
  if (real.length > 0) {
    const target = selectColumns(subtract(audit.annotated, audit.imputed), real);
    const error = await fitAudited(evidence, { target, kind: "regression" });
    estimates.push(async (rows) => ({
      columns: real,
      of: add(selectColumns(rows.imputed, real), await error(rows)),
    }));
  }
  for (const labels of audit.labeled) {
    const columns = range(labels.offset, labels.width);
    const target = unstandardized(selectColumns(audit.annotated, columns), labels);
    const logits = await fitAudited(evidence, { target, kind: "classification" });
    estimates.push(async (rows) => {
      const probabilities = await logits(rows);
      softmaxRows(probabilities);
      return { columns, of: standardized(probabilities, labels) };
    });
  }
  const { own } = dataset;
  const all = [imputed, audit.trainingContext, ...(own === undefined ? [] : [own])];
  return mapRows(all, async ([block, context, ownBlock]) => {
    const rows: CalibratedRows = { imputed: block as Matrix, context: context as Matrix, own: ownBlock };
    const blocks: ColumnBlock[] = [];
    for (const estimate of estimates) blocks.push(await estimate(rows));
    return joinColumns(imputed.width, blocks);
  });
}

/** Encoded rows from which the annotated z is estimated. */
interface CalibratedRows {
  readonly imputed: Matrix;
  readonly context: Matrix;
  readonly own?: Matrix | undefined;
}

/** Fits a target of the audited rows. @returns the network as a function of other rows */
async function fitAudited(
  evidence: CounterfactualEvidence,
  target: FitTarget<Matrix>,
): Promise<(rows: CalibratedRows) => Promise<Matrix>> {
  const audit = auditOf(evidence);
  const choices = ({ context, own, imputed }: CalibratedRows) => {
    const others = own === undefined ? [imputed] : [own, imputed];
    return audit.context.width === 0 ? [others] : [[context], [context, ...others]];
  };
  const inputs = choices(audit).map((parts) => concatColumns(...parts));
  const { chosen, layers } = await fitFewRows({ inputs, ...target }, evidence.fit);
  return (rows) => evaluateDense(layers, choices(rows)[chosen] as Matrix[]);
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
