import { protocolSpec } from "../../learning/protocols/protocol-spec.ts";
import { type Summary, summarize } from "../lab/statistics.ts";
import { STUDENT, type TwoStage } from "../paper/two-stage.ts";
import { type ClickLoss, type ClickRow, clickRows } from "./clicks.ts";

/** How M2 trains on M1^0: the two baselines, and every source that uses audited rows instead of the oracle. */
export const ESTIMATORS = ["async", "oracle", "pooled", "calibration", "residualized", "audit-direct"] as const;
export type Estimator = (typeof ESTIMATORS)[number];

export const AUDIT_SIZES: readonly number[] = [100, 300, 1000];

/** One trained M2: its end-to-end loss with the consistent M1, where M2* o M1^0 = 100. */
export interface EstimatorLoss {
  readonly estimator: Estimator;
  /** Annotated rows; 0 for the baselines, which use none. */
  readonly audited: number;
  readonly loss: number;
}

export interface Estimators {
  readonly experiment: "estimators";
  readonly seeds: readonly number[];
  readonly rows: readonly (Summary & { readonly estimator: Estimator; readonly audited: number })[];
  /** Where M1 predicts a probability and the audit has labels. */
  readonly clicks: readonly ClickRow[];
}

export interface EstimatorsSeed {
  readonly losses: readonly EstimatorLoss[];
  readonly clicks: readonly ClickLoss[];
}

/**
 * Measures the cost of estimating ytilde from audited rows instead of the oracle: trains M2 on M1^0 with each source
 * and audit size, and composes it with the consistent M1.
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

export async function estimators(seeds: readonly number[], perSeed: readonly EstimatorsSeed[]): Promise<Estimators> {
  const [first] = perSeed;
  return {
    experiment: "estimators",
    seeds,
    rows: (first?.losses ?? []).map(({ estimator, audited }, at) => ({
      estimator,
      audited,
      ...summarize(perSeed.map(({ losses }) => losses[at]?.loss ?? Number.NaN)),
    })),
    clicks: await clickRows(perSeed.map(({ clicks }) => clicks)),
  };
}
