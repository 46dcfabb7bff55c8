import type { CounterfactualSourceName } from "../../../learning/counterfactual/source-names.ts";
import { byProtocol, type Method } from "./method.ts";

const sources: Readonly<Partial<Record<CounterfactualSourceName, string>>> = {
  pooled: "learned from calibrated and audited rows",
  calibration: "learned from calibrated rows",
  residualized: "learned from calibrated rows, plus the residual of each row",
  "audit-direct": "learned from audited rows alone",
  matching: "of the row with the same x2 and the nearest calibrated value",
};

/** Causal training, one method for each way to estimate the counterfactual output from audited rows. */
export const causal: readonly Method[] = Object.entries(sources).map(([source, origin]) =>
  byProtocol(
    "causal",
    { source },
    {
      name: `causal:${source}`,
      summary: `fits the counterfactual output, ${origin}`,
      audited: true,
      retrains: false,
    },
  ),
);
