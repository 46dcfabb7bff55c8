import { square } from "../../common/elementary.ts";
import { clickPropensities, expectedRevenue, type RevenueCause } from "../../data/synthetic/clicks.ts";
import { createSyntheticSource } from "../../data/synthetic/synthetic-source.ts";
import type { NumericColumn } from "../../data/table/table.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { protocolSpec } from "../../learning/protocols/protocol-spec.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import type { Pipeline, SyntheticSource } from "../../pipeline/pipeline.ts";
import { dense, openLab, type Recipe } from "../lab/lab.ts";
import { type MeanInterval, meanOfClusters, type Summary, summarize } from "../lab/statistics.ts";
import { SECOND_STAGE, type Sizes, STUDENT } from "../paper/two-stage.ts";

export const REVENUE_CAUSES: readonly RevenueCause[] = ["click", "propensity"];

/** How M2 trains on M1^0. `sync` trains on the true propensities: what exact audits of them would give. */
export const CLICK_ESTIMATORS = ["sync", "async", "calibration", "residualized", "pooled", "audit-direct"] as const;
export type ClickEstimator = (typeof CLICK_ESTIMATORS)[number];

export const CLICK_AUDIT_SIZES: readonly number[] = [300, 1000];

/** One trained M2: its squared distance to E[y | x1, x2], which is known, where that of M2* o M1^0 is 100. */
export interface ClickLoss {
  readonly cause: RevenueCause;
  readonly estimator: ClickEstimator;
  /** Annotated rows; 0 for `sync` and `async`, which use none. */
  readonly audited: number;
  /** With the M1^0 that it was trained on. */
  readonly initial: number;
  /** With the true propensities as M1. */
  readonly consistent: number;
}

/** The means over seeds with 95 % intervals. */
export interface ClickRow extends Pick<ClickLoss, "cause" | "estimator" | "audited"> {
  readonly initial: Summary & MeanInterval;
  readonly consistent: Summary & MeanInterval;
  /** `consistent` minus that of `calibration` from as many audited rows, seed by seed; of the other audited sources. */
  readonly beyondCalibration?: MeanInterval;
}

/** M1 predicts whether a user clicks, as a probability; M2 predicts the revenue of the page from it. */
export function clicksPipeline(
  seed: number,
  rows: number,
  cause: RevenueCause,
): Pipeline & { readonly data: SyntheticSource } {
  return {
    name: "clicks",
    components: [
      {
        name: "m1",
        columns: ["x1"],
        upstream: [],
        output: { name: "z", width: 2, meaning: "probabilities", classes: ["0", "1"] },
        loss: "cross-entropy",
        target: "click",
      },
      SECOND_STAGE,
    ],
    objective: "m2",
    data: {
      source: "synthetic",
      generator: "clicks",
      seed,
      rows: 2 * rows,
      testFraction: 0.5,
      parameters: { propensity: cause === "propensity" ? 1 : 0 },
    },
  };
}

/**
 * Measures the sources of ytilde where M1's output is a probability and the audit has labels, in two worlds: revenue
 * depends on the click, or on the probability of a click. M1^0 is a logistic regression of a propensity that is not
 * logistic. Known truth: M2*(x2, z) = E[y | x2, z] in closed form.
 */
export async function clicksOf(
  seed: number,
  sizes: Sizes,
  engine: Engine,
  signal?: AbortSignal,
  auditSizes: readonly number[] = CLICK_AUDIT_SIZES,
): Promise<readonly ClickLoss[]> {
  const losses: ClickLoss[] = [];
  for (const cause of REVENUE_CAUSES) {
    const pipeline = clicksPipeline(seed, sizes.rows, cause);
    const lab = await openLab(pipeline, createSyntheticSource(pipeline.data), engine, seed, signal);
    try {
      const m1 = {
        initial: await lab.train("m1", { model: dense(), steps: sizes.initialSteps }, {}),
        consistent: TRUE_PROPENSITIES,
      };
      const x2 = lab.observed("x2");
      const truth = expectedRevenue(cause, x2, await lab.predict("m1", { m1: m1.consistent }));
      const oracle = expectedRevenue(cause, x2, await lab.predict("m1", { m1: m1.initial }));
      const unit = meanSquare(oracle, truth) / 100;
      for (const estimator of CLICK_ESTIMATORS) {
        const annotated = estimator !== "sync" && estimator !== "async";
        for (const audited of annotated ? auditSizes : [0]) {
          const recipe: Recipe = {
            model: STUDENT,
            steps: sizes.downstreamSteps,
            protocol: annotated ? protocolSpec("causal", { source: estimator }) : protocolSpec("async"),
            ...(annotated && { audit: { rows: audited, columns: ["click"] } }),
          };
          const m2 = await lab.train("m2", recipe, { m1: m1[estimator === "sync" ? "consistent" : "initial"] });
          const loss = async (upstream: SnapshotModel) =>
            meanSquare(await lab.predict("m2", { m1: upstream, m2 }), truth) / unit;
          const [initial, consistent] = [await loss(m1.initial), await loss(m1.consistent)];
          losses.push({ cause, estimator, audited, initial, consistent });
        }
      }
    } finally {
      await lab.close();
    }
  }
  return losses;
}

export async function clickRows(perSeed: readonly (readonly ClickLoss[])[]): Promise<readonly ClickRow[]> {
  const meanOf = (values: readonly number[]) => meanOfClusters(values.map((value) => [value]));
  const describe = async (values: readonly number[]) => ({ ...summarize(values), ...(await meanOf(values)) });
  const tried = perSeed[0] ?? [];
  const lossesOf = (at: number, part: "initial" | "consistent") =>
    perSeed.map((losses) => losses[at]?.[part] ?? Number.NaN);
  const rows: ClickRow[] = [];
  for (const [at, { cause, estimator, audited }] of tried.entries()) {
    const consistent = lossesOf(at, "consistent");
    const calibration = lossesOf(
      tried.findIndex(
        (other) => other.estimator === "calibration" && other.cause === cause && other.audited === audited,
      ),
      "consistent",
    );
    const differences = consistent.map((loss, seed) => loss - (calibration[seed] as number));
    rows.push({
      cause,
      estimator,
      audited,
      initial: await describe(lossesOf(at, "initial")),
      consistent: await describe(consistent),
      ...(audited > 0 && estimator !== "calibration" && { beyondCalibration: await meanOf(differences) }),
    });
  }
  return rows;
}

const TRUE_PROPENSITIES: SnapshotModel = {
  predict: async ({ columns }) => clickPropensities((columns.x1 as NumericColumn).values),
  dispose: async () => {},
};

function meanSquare(values: Float32Array, truth: Float32Array): number {
  return values.reduce((sum, value, i) => sum + square(value - (truth[i] as number)), 0) / values.length;
}
