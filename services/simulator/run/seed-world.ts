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
import { livesOf, type Stage, stagesOf } from "../scenario/stages.ts";
import { drawTruth, type Truth } from "../truth/truth.ts";
import { drawEvents, type WorldEvents } from "../world/events.ts";
import { firstModels } from "../world/first-models.ts";

export interface WorldStage extends Stage {
  readonly pipeline: Pipeline;
}

/** All that is the same under every policy of a seed. */
export interface SeedWorld {
  readonly scenario: Scenario;
  readonly seed: number;
  /** In order of time. */
  readonly stages: readonly [WorldStage, ...WorldStage[]];
  readonly truth: Truth;
  readonly events: WorldEvents;
  readonly trainer: ComponentTrainer;
  /** Those of `firstModels`. */
  readonly initial: Readonly<Record<string, StoredModel>>;
  /**
   * The pipeline loss that counts as 100: for two teams that of the second one's true function on the first one's initial
   * model, M2* o M1^0, else that of the initial models.
   */
  readonly unit: number;
  /** A team's place in a random order of all teams, in [0, 1). After a split, both have that of the team that was split. */
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
  const stages = stagesOf(scenario).map((stage) => ({ ...stage, pipeline: scenarioPipeline(scenario, stage, seed) }));
  const [{ pipeline }] = stages as [WorldStage, ...WorldStage[]];
  const truth = drawTruth(scenario, seed);
  const trainer = createComponentTrainer(truth, createModelStore(OUTPUT_BYTES), engine);
  const initial: Record<string, StoredModel> = {};
  for (const { team, hidden, steps, seed: ofModel } of firstModels(scenario, seed)) {
    const upstream = closureOf(pipeline, team).slice(0, -1);
    initial[team] = await trainer.train(
      {
        component: team,
        pipeline,
        hidden,
        steps,
        seed: ofModel,
        protocol: protocolSpec("async"),
        epoch: truth.epochAt(0),
        upstream: Object.fromEntries(upstream.map((other) => [other, initial[other] as StoredModel])),
      },
      signal,
    );
  }
  const order = createRandom(seed, "ranks").permutation(scenario.teams.length);
  const ranks = new Map(scenario.teams.map(({ name }, at) => [name, (order[at] as number) / order.length]));
  for (const { team, parent } of livesOf(stages)) {
    if (parent !== undefined) ranks.set(team.name, ranks.get(parent) as number);
  }
  return {
    scenario,
    seed,
    stages: stages as [WorldStage, ...WorldStage[]],
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
