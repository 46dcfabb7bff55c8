import { createSyntheticSource } from "../../data/synthetic/synthetic-source.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { protocolSpec } from "../../learning/protocols/protocol-spec.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import { ancestors } from "../../pipeline/dag.ts";
import type { Component, Pipeline, SyntheticSource } from "../../pipeline/pipeline.ts";
import { dense, type Lab, openLab } from "../lab/lab.ts";
import { type Summary, summarize } from "../lab/statistics.ts";
import { type Sizes, STUDENT } from "../paper/two-stage.ts";

export const DAG_SHAPES = ["chain", "diamond"] as const;
export type DagShape = (typeof DAG_SHAPES)[number];

export const DAG_PROTOCOLS = ["sync", "async", "causal"] as const;
export type DagProtocol = (typeof DAG_PROTOCOLS)[number];

/** End-to-end losses of one seed after all components are updated at once; the initial pipeline is 100. */
export type DagSeed = Readonly<Record<DagShape, Readonly<Record<DagProtocol, number>>>>;

export interface Dag {
  readonly experiment: "dag";
  readonly seeds: readonly number[];
  readonly rows: readonly (Summary & { readonly shape: DagShape; readonly protocol: DagProtocol })[];
}

/**
 * Measures larger pipelines whose teams all train in parallel on stale inputs and deploy at once. Every component has a
 * linear initial snapshot; each then trains an over-parameterized model on the initial predictions of its upstream, and
 * all snapshots are replaced together. Under sync, components train one after another on the new snapshots instead.
 */
export async function dagOf(seed: number, sizes: Sizes, engine: Engine, signal?: AbortSignal): Promise<DagSeed> {
  return {
    chain: await shapeOf("chain", seed, sizes, engine, signal),
    diamond: await shapeOf("diamond", seed, sizes, engine, signal),
  };
}

async function shapeOf(
  shape: DagShape,
  seed: number,
  sizes: Sizes,
  engine: Engine,
  signal: AbortSignal | undefined,
): Promise<DagSeed[DagShape]> {
  const pipeline = dagPipeline(shape, seed, sizes.rows);
  const lab = await openLab(pipeline, createSyntheticSource(pipeline.data), engine, seed, signal);
  try {
    const initial = await trainAll(lab, async (component, models) =>
      lab.train(component.name, { model: dense(), steps: sizes.initialSteps }, models),
    );
    const last = (pipeline.components.at(-1) as Component).name;
    const unit = (await lab.loss(last, initial)) / 100;
    const updated = async (protocol: DagProtocol) => {
      const models = await trainAll(lab, (component, updatedSoFar) => {
        const isRoot = component.upstream.length === 0;
        const upstream = onlyAncestors(lab, component, protocol === "sync" ? updatedSoFar : initial);
        return lab.train(
          component.name,
          {
            model: STUDENT,
            steps: isRoot ? sizes.consistentSteps : sizes.downstreamSteps,
            protocol: protocolSpec(isRoot ? "async" : protocol),
          },
          upstream,
        );
      });
      return (await lab.loss(last, models)) / unit;
    };
    return { sync: await updated("sync"), async: await updated("async"), causal: await updated("causal") };
  } finally {
    await lab.close();
  }
}

export function dag(seeds: readonly number[], perSeed: readonly DagSeed[]): Dag {
  const rows = DAG_SHAPES.flatMap((shape) =>
    DAG_PROTOCOLS.map((protocol) => ({
      shape,
      protocol,
      ...summarize(perSeed.map((seed) => seed[shape][protocol])),
    })),
  );
  return { experiment: "dag", seeds, rows };
}

/** Trains in topological order; each component gets the models trained before it. */
async function trainAll(
  lab: Lab,
  train: (component: Component, before: Readonly<Record<string, SnapshotModel>>) => Promise<SnapshotModel>,
): Promise<Readonly<Record<string, SnapshotModel>>> {
  const models: Record<string, SnapshotModel> = {};
  for (const component of lab.pipeline.components) {
    models[component.name] = await train(component, onlyAncestors(lab, component, models));
  }
  return models;
}

export function onlyAncestors(
  lab: Lab,
  component: Component,
  models: Readonly<Record<string, SnapshotModel>>,
): Readonly<Record<string, SnapshotModel>> {
  const names = ancestors(lab.pipeline.components, component.name).map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name, models[name] as SnapshotModel]));
}

/** The pipeline of the generator `chain` or `diamond`. */
export function dagPipeline(
  shape: DagShape,
  seed: number,
  rows: number,
): Pipeline & { readonly data: SyntheticSource } {
  const stage = (name: string, column: string, upstream: readonly string[], output: string): Component => ({
    name,
    columns: [column],
    upstream,
    output: { name: output, width: output === "y" ? 1 : 3, meaning: output === "y" ? "scalar" : "real" },
    loss: "mse",
    target: output,
  });
  const components =
    shape === "chain"
      ? [stage("m1", "x1", [], "z1"), stage("m2", "x2", ["m1"], "z2"), stage("m3", "x3", ["m2"], "y")]
      : [
          stage("m1", "x1", [], "z1"),
          stage("m2", "x2", ["m1"], "z2"),
          stage("m3", "x3", ["m1"], "z3"),
          stage("m4", "x4", ["m2", "m3"], "y"),
        ];
  return {
    name: shape,
    components,
    objective: (components.at(-1) as Component).name,
    data: { source: "synthetic", generator: shape, seed, rows: 2 * rows, testFraction: 0.5 },
  };
}
