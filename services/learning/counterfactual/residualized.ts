import { type Matrix, mapRows } from "../dataset/row-matrix.ts";
import { fitOnManyRows, fitTargetOf } from "../fitting/fit-target.ts";
import { joinedColumns, subtract } from "../fitting/matrices.ts";
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
    const calibrated = await calibrate(evidence);
    const joined = await joinedColumns(dataset.own, calibrated);
    const f = await fitOnManyRows(dataset, joined, fitTargetOf(dataset, dataset), fit);
    const inputs = [dataset.own, calibrated].filter((matrix) => matrix !== undefined);
    return {
      ...f,
      description: `residualized (${auditOf(evidence).rows} audited rows)`,
      residual: await mapRows([dataset.target, ...inputs], async ([target, ...block]) =>
        subtract(target as Matrix, await predictTarget(f, block)),
      ),
    };
  },
};
