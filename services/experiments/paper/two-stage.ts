import { createSyntheticSource } from "../../data/synthetic/synthetic-source.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { protocolSpec } from "../../learning/protocols/protocol-spec.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import type { Component, Pipeline, SyntheticSource } from "../../pipeline/pipeline.ts";
import { dense, type Lab, openLab } from "../lab/lab.ts";

/** The three snapshots of M1 that the paper's experiments compare. */
export const UPSTREAMS = ["initial", "incremental", "consistent"] as const;
export type Upstream = (typeof UPSTREAMS)[number];

/** Sizes of an experiment: the paper's, or smaller ones that preserve nearly all orderings. */
export interface Sizes {
  /** Training rows. */
  readonly rows: number;
  /** Default: as many as training rows. */
  readonly heldOutRows?: number;
  readonly initialSteps: number;
  readonly incrementalSteps: number;
  readonly consistentSteps: number;
  readonly downstreamSteps: number;
}

export const PAPER_SIZES: Sizes = {
  rows: 10_000,
  initialSteps: 1_000,
  incrementalSteps: 3_000,
  consistentSteps: 1_800,
  downstreamSteps: 4_000,
};

export const SMALL_SIZES: Sizes = { ...PAPER_SIZES, rows: 4_000, downstreamSteps: 2_000 };

/**
 * lambda of the incremental update, lambda |M1(x1) - M1^0(x1)|^2: the fit is (z + lambda m0) / (1 + lambda), whose loss
 * is (lambda / (1 + lambda))^2 times that of M1^0, the 46 % of the paper's Table 2.
 */
export const INCREMENTAL_LAMBDA = 2.07;
/** The model of every trained component except M1^0, as in the paper. */
export const STUDENT = dense(64);

/** M1 of the paper's pipelines: reads X1, predicts Z. @param width of Z */
export function firstStage(width: number): Component {
  return {
    name: "m1",
    columns: ["x1"],
    upstream: [],
    output: { name: "z", width, meaning: "real" },
    loss: "mse",
    target: "z",
  };
}

/** M2 of the paper's pipelines: reads X2 and Z, predicts Y. */
export const SECOND_STAGE: Component = {
  name: "m2",
  columns: ["x2"],
  upstream: ["m1"],
  output: { name: "y", width: 1, meaning: "scalar" },
  loss: "mse",
  target: "y",
};

/** The paper's pipeline (section 4, "DGP"): X1 in R^10, X2 in R^5, Z in R^3, Y in R. */
export function twoStagePipeline(
  seed: number,
  rows: number,
  heldOutRows = rows,
): Pipeline & { readonly data: SyntheticSource } {
  const all = rows + heldOutRows;
  return {
    name: "paper",
    components: [firstStage(3), SECOND_STAGE],
    objective: "m2",
    data: {
      source: "synthetic",
      generator: "two-stage",
      seed,
      rows: all,
      testFraction: heldOutRows / all,
      parameters: {},
    },
  };
}

/** The paper's pipeline with its three trained snapshots of M1. */
export interface TwoStage {
  readonly lab: Lab;
  readonly sizes: Sizes;
  readonly m1: Readonly<Record<Upstream, SnapshotModel>>;
  /**
   * M2 trained under a protocol on a model of M1, by default M1^0. Trains each only once, even if several experiments
   * request it.
   */
  downstream(protocol: string, upstream?: SnapshotModel): Promise<SnapshotModel>;
  /**
   * M2 trained anew on a model of M1, which minimizes the loss of today's predictions, as sync and async do.
   * @param attempt from 1; each later one trains with another seed
   */
  retrained(upstream: SnapshotModel, attempt: number): Promise<SnapshotModel>;
}

/** Generates the data for a seed and trains the three snapshots of M1. */
export async function openTwoStage(
  seed: number,
  sizes: Sizes,
  engine: Engine,
  signal?: AbortSignal,
): Promise<TwoStage> {
  const pipeline = twoStagePipeline(seed, sizes.rows, sizes.heldOutRows);
  const lab = await openLab(pipeline, createSyntheticSource(pipeline.data), engine, seed, signal);
  const m1 = await trainUpstreams(lab, sizes);
  const trained = new Map<SnapshotModel, Map<string, Promise<SnapshotModel>>>();
  const trainOnce = (name: string, upstream: SnapshotModel, seedOffset: number): Promise<SnapshotModel> => {
    const onUpstream = trained.get(upstream) ?? new Map<string, Promise<SnapshotModel>>();
    trained.set(upstream, onUpstream);
    const key = `${name} ${seedOffset}`;
    const known = onUpstream.get(key) ?? trainDownstream(lab, sizes, upstream, name, seedOffset);
    onUpstream.set(key, known);
    return known;
  };
  return {
    lab,
    sizes,
    m1,
    downstream: (name, upstream = m1.initial) => trainOnce(name, upstream, 0),
    // On M1^0, sync and async are the same training (stated in the paper).
    retrained: (upstream, attempt) => trainOnce(upstream === m1.initial ? "async" : "sync", upstream, attempt - 1),
  };
}

/** Trains M1^0, which is linear, and its incremental and consistent updates, which have 64 hidden units. */
export async function trainUpstreams(lab: Lab, sizes: Sizes): Promise<Readonly<Record<Upstream, SnapshotModel>>> {
  const initial = await lab.train("m1", { model: dense(), steps: sizes.initialSteps }, {});
  return {
    initial,
    incremental: await trainThrottled(lab, sizes, initial, INCREMENTAL_LAMBDA),
    consistent: await lab.train("m1", { model: STUDENT, steps: sizes.consistentSteps }, {}),
  };
}

/** Trains an M1 that the proximal term keeps near the initial one. @param lambda the weight of the term */
export function trainThrottled(lab: Lab, sizes: Sizes, initial: SnapshotModel, lambda: number): Promise<SnapshotModel> {
  const protocol = protocolSpec("proximal", { lambda });
  return lab.train("m1", { model: STUDENT, steps: sizes.incrementalSteps, protocol }, {}, initial);
}

/** Trains M2 on the predictions of a model of M1. */
export function trainDownstream(
  lab: Lab,
  sizes: Sizes,
  m1: SnapshotModel,
  protocol: string,
  seedOffset: number,
): Promise<SnapshotModel> {
  const recipe = { model: STUDENT, steps: sizes.downstreamSteps, protocol: protocolSpec(protocol), seedOffset };
  return lab.train("m2", recipe, { m1 });
}
