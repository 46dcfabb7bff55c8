import { mean } from "../../common/statistics.ts";
import { createRandom } from "../../data/random/random.ts";
import { evaluateOracle } from "../../data/source/oracle.ts";
import type { Column, NumericColumn } from "../../data/table/table.ts";
import { rowLosses, targetOf } from "../../data/targets/losses.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { protocolSpec } from "../../learning/protocols/protocol-spec.ts";
import { closureOf } from "../../pipeline/dag.ts";
import type { Component, Pipeline } from "../../pipeline/pipeline.ts";
import { type ComponentTrainer, createComponentTrainer } from "../models/component-trainer.ts";
import { measureOn } from "../models/measured-rows.ts";
import { createModelStore, type StoredModel } from "../models/model-store.ts";
import { createSnapshotShelf } from "../models/snapshot-shelf.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { scenarioPipeline } from "../scenario/scenario-pipeline.ts";
import { drawTruth, type Truth } from "../truth/truth.ts";
import { drawEvents, type WorldEvents } from "../world/events.ts";

/** All that is the same under every policy of a seed. */
export interface SeedWorld {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly pipeline: Pipeline;
  readonly truth: Truth;
  readonly events: WorldEvents;
  readonly trainer: ComponentTrainer;
  /**
   * The models in use at the start: linear ones, each trained on those that it reads. Of two teams, the second starts with a
   * model of its own class, as in the paper.
   */
  readonly initial: Readonly<Record<string, StoredModel>>;
  /**
   * The pipeline loss that counts as 100: for two teams that of the second one's true function on the first one's initial
   * model, M2* o M1^0, else that of the initial models.
   */
  readonly unit: number;
  /** A team's place in a random order of all teams, in [0, 1). */
  rank(team: string): number;
}

/** Outputs of models on training and held-out rows. */
const OUTPUT_BYTES = 512 * 2 ** 20;

export async function openSeedWorld(
  scenario: Scenario,
  seed: number,
  engine: Engine,
  signal: AbortSignal,
): Promise<SeedWorld> {
  const pipeline = scenarioPipeline(scenario, seed);
  const truth = drawTruth(scenario, pipeline, seed);
  const trainer = createComponentTrainer(pipeline, truth, createModelStore(OUTPUT_BYTES), engine);
  const seeds = createRandom(seed, "initial");
  const initial: Record<string, StoredModel> = {};
  const isPair = scenario.teams.length === 2;
  for (const { name, reads, hidden } of scenario.teams) {
    const upstream = closureOf(pipeline, name).slice(0, -1);
    initial[name] = await trainer.train(
      {
        component: name,
        hidden: isPair && reads.length > 0 ? (hidden ?? scenario.training.hidden) : [],
        steps: scenario.training.steps,
        seed: seeds.uint32(),
        protocol: protocolSpec("async"),
        epoch: truth.epochAt(0),
        upstream: Object.fromEntries(upstream.map((other) => [other, initial[other] as StoredModel])),
      },
      signal,
    );
  }
  const order = createRandom(seed, "ranks").permutation(scenario.teams.length);
  const ranks = new Map(scenario.teams.map(({ name }, at) => [name, (order[at] as number) / order.length]));
  return {
    scenario,
    seed,
    pipeline,
    truth,
    trainer,
    initial,
    events: drawEvents(scenario, seed),
    unit: await unitOf(pipeline, truth, initial, signal),
    rank: (team) => ranks.get(team) as number,
  };
}

async function unitOf(
  pipeline: Pipeline,
  truth: Truth,
  initial: Readonly<Record<string, StoredModel>>,
  signal: AbortSignal,
): Promise<number> {
  const rows = truth.rowsOf(truth.epochAt(0));
  const [first, second, ...others] = pipeline.components as [Component, Component, ...Component[]];
  if (others.length === 0 && second.upstream.length === 1) {
    const zhat = await (initial[first.name] as StoredModel).model.predict(rows.heldOut);
    const oracle = rows.oracle(second.name);
    const read = oracle.inputs.map(({ name }) =>
      name === first.output.name ? zhat : (rows.heldOut.columns[name] as NumericColumn).values,
    );
    const target = targetOf(second, rows.heldOut.columns[second.target] as Column);
    return mean(rowLosses(second, evaluateOracle(oracle, read, rows.heldOut.rows), target));
  }
  const shelf = createSnapshotShelf();
  const composition = Object.fromEntries(
    Object.entries(initial).map(([name, model]) => [name, shelf.add(name, model)]),
  );
  return measureOn(pipeline, rows.heldOut, shelf, signal).loss(composition);
}
