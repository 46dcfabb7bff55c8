import type { Matrix } from "../dataset/encoded-dataset.ts";
import { fitOnManyRows, fitTargetOf } from "../fitting/fit-target.ts";
import { concatColumns, subtract } from "../fitting/matrices.ts";
import { auditOf, calibrate } from "./calibration.ts";
import { predictTarget } from "./counterfactual.ts";
import { auditMissing, type CounterfactualSource } from "./source.ts";

/**
 * ytilde = y + f(x2, zhat) - f(x2, ztilde), with ztilde and f as in `calibration`. The residual of f stays in the
 * target: this keeps structure that f is too simple to express, and also the noise of y.
 */
export const residualized: CounterfactualSource = {
  name: "residualized",
  observes: "(x1, z) in the audit sample; (x1, x2, y) in the training rows",
  missing: auditMissing,
  prepare: async (evidence) => {
    const { dataset, fit } = evidence;
    const calibrated: Matrix = await calibrate(evidence);
    const f = await fitOnManyRows(dataset, concatColumns(dataset.own, calibrated), fitTargetOf(dataset, dataset), fit);
    const inputs = [dataset.own, calibrated].filter((matrix) => matrix !== undefined);
    return {
      ...f,
      description: `residualized (${auditOf(evidence).rows} audited rows)`,
      residual: subtract(dataset.target, await predictTarget(f, inputs)).values,
    };
  },
};
