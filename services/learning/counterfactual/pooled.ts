import { yieldToEventLoop } from "../../common/async/yield.ts";
import { type Matrix, type RowMatrix, rowsOf } from "../dataset/row-matrix.ts";
import { fitOnManyRows, fitTargetOf } from "../fitting/fit-target.ts";
import { concatColumns, concatRows, joinedColumns } from "../fitting/matrices.ts";
import { auditOf, calibrate } from "./calibration.ts";
import { auditMissing, type CounterfactualSource, labeledUpstream } from "./source.ts";

/**
 * Share of the fit that the audited rows make up once repeated: enough to pull f toward the unbiased rows, too little
 * for f to memorize their noise.
 */
const AUDITED_SHARE = 0.2;

/**
 * Regression calibration with f fitted to the calibrated training rows (x2, ztilde, y) and the audited rows (x2, z, y)
 * together. The audited rows reduce the bias of calibration when z is noisy given x1 and y depends on that z. Where the
 * audit has labels and zhat is a probability, they teach f corners of its domain at which zhat never is; calibration
 * alone fits f at E[z | x1], the probability.
 */
export const pooled: CounterfactualSource = {
  name: "pooled",
  observes: "(x1, x2, z, y) in the audit sample; (x1, x2, y) in the training rows",
  missing: auditMissing,
  caution: (evidence) => {
    const upstream = labeledUpstream(evidence);
    return upstream === undefined
      ? undefined
      : `pooled fits one function to labels of ${upstream} and to its probabilities, although y need not depend on a label ` +
          "as it depends on a probability; use calibration";
  },
  prepare: async (evidence) => {
    const { dataset, fit } = evidence;
    const audit = auditOf(evidence);
    const calibrated = await joinedColumns(dataset.own, await calibrate(evidence));
    await yieldToEventLoop();
    const audited = concatColumns(audit.own, audit.annotated);
    const wanted = (AUDITED_SHARE / (1 - AUDITED_SHARE)) * rowsOf(calibrated);
    const copies = Math.max(1, Math.round(wanted / audit.rows));
    const pool = (trained: RowMatrix, annotated: Matrix) =>
      concatRows([trained, ...new Array<Matrix>(copies).fill(annotated)]);
    const main = fitTargetOf(dataset, dataset);
    const few = fitTargetOf(dataset, audit);
    const target = {
      kind: main.kind,
      target: await pool(main.target, few.target),
      ...(main.observed !== undefined &&
        few.observed !== undefined && { observed: await pool(main.observed, few.observed) }),
    };
    const inputs = await pool(calibrated, audited);
    await yieldToEventLoop();
    const f = await fitOnManyRows(dataset, inputs, target, fit);
    return { ...f, description: `pooled (${audit.rows} audited rows)` };
  },
};
