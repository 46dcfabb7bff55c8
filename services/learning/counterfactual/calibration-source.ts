import { fitOnManyRows, fitTargetOf } from "../fitting/fit-target.ts";
import { sideBySide } from "../fitting/matrices.ts";
import { auditOf, calibrate } from "./calibration.ts";
import { auditMissing, type CounterfactualSource } from "./source.ts";

/**
 * Regression calibration: ztilde in every training row from the audited ones, then f(x2, ztilde) fitted to y on all
 * rows; ytilde = f(x2, zhat). Biased where z is noisy given x1, because then f is fitted at E[z | x1] and not at z.
 */
export const calibration: CounterfactualSource = {
  name: "calibration",
  observes: "(x1, z) in the audit sample; (x1, x2, y) in the training rows",
  missing: auditMissing,
  prepare: async (evidence) => {
    const { dataset, fit } = evidence;
    const calibrated = await calibrate(evidence);
    const f = await fitOnManyRows(dataset, sideBySide(dataset.own, calibrated), fitTargetOf(dataset, dataset), fit);
    return { ...f, description: `calibration (${auditOf(evidence).rows} audited rows)` };
  },
};
