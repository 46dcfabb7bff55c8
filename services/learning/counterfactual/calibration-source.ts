import { fitOnManyRows, fitTargetOf } from "../fitting/fit-target.ts";
import { joinedColumns } from "../fitting/matrices.ts";
import { auditOf, calibrate } from "./calibration.ts";
import { auditMissing, type CounterfactualSource } from "./source.ts";

/**
 * Regression calibration: estimates ztilde on every training row from the audited rows, then fits f(x2, ztilde) to y on
 * all rows; ytilde = f(x2, zhat). Biased when z is noisy given x1 and y depends on that z, because f is then fitted at
 * E[z | x1] instead of z. Where the audit has labels and zhat is a probability, E[z | x1] is what f is to be fitted at: the
 * z of the paper is Pr(Z | X1) there (Modi et al. 2023, footnote 1).
 */
export const calibration: CounterfactualSource = {
  name: "calibration",
  observes: "(x1, z) in the audit sample; (x1, x2, y) in the training rows",
  missing: auditMissing,
  prepare: async (evidence) => {
    const { dataset, fit } = evidence;
    const calibrated = await calibrate(evidence);
    const inputs = await joinedColumns(dataset.own, calibrated);
    const f = await fitOnManyRows(dataset, inputs, fitTargetOf(dataset, dataset), fit);
    return { ...f, description: `calibration (${auditOf(evidence).rows} audited rows)` };
  },
};
