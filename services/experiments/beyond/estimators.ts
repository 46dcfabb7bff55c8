import { protocolSpec } from "../lab/lab.ts";
import { type Summary, summarize } from "../lab/statistics.ts";
import { STUDENT, type TwoStage } from "../paper/two-stage.ts";

/** How M2 is trained on M1^0: the two ends, and every source that replaces the oracle by audited rows. */
export const ESTIMATORS = ["async", "oracle", "pooled", "calibration", "residualized", "audit-direct"] as const;
export type Estimator = (typeof ESTIMATORS)[number];

export const AUDIT_SIZES: readonly number[] = [100, 300, 1000];

/** One trained M2: its end-to-end loss with the consistent M1, where M2* o M1^0 = 100. */
export interface EstimatorLoss {
  readonly estimator: Estimator;
  /** Annotated rows; 0 for the two ends, which use none. */
  readonly audited: number;
  readonly loss: number;
}

export interface Estimators {
  readonly experiment: "estimators";
  readonly seeds: readonly number[];
  readonly rows: readonly (Summary & { readonly estimator: Estimator; readonly audited: number })[];
}

/**
 * What causal training loses where ytilde is estimated from audited rows and not given by the oracle: M2 trained on
 * M1^0 under each source and audit size, composed with the consistent M1.
 */
export async function estimatorsOf(
  { lab, m1, sizes }: TwoStage,
  auditSizes: readonly number[] = AUDIT_SIZES,
): Promise<readonly EstimatorLoss[]> {
  const unit = (await lab.oracleLoss("m2", { m1: m1.initial })) / 100;
  const losses: EstimatorLoss[] = [];
  for (const estimator of ESTIMATORS) {
    const annotated = estimator !== "async" && estimator !== "oracle";
    for (const audited of annotated ? auditSizes : [0]) {
      const recipe = {
        model: STUDENT,
        steps: sizes.downstreamSteps,
        protocol: estimator === "async" ? protocolSpec("async") : protocolSpec("causal", { source: estimator }),
        ...(annotated && { audit: { rows: audited, columns: ["z"] } }),
      };
      const m2 = await lab.train("m2", recipe, { m1: m1.initial });
      losses.push({ estimator, audited, loss: (await lab.loss("m2", { m1: m1.consistent, m2 })) / unit });
    }
  }
  return losses;
}

export function estimators(seeds: readonly number[], perSeed: readonly (readonly EstimatorLoss[])[]): Estimators {
  const [first] = perSeed;
  return {
    experiment: "estimators",
    seeds,
    rows: (first ?? []).map(({ estimator, audited }, at) => ({
      estimator,
      audited,
      ...summarize(perSeed.map((losses) => losses[at]?.loss ?? Number.NaN)),
    })),
  };
}
