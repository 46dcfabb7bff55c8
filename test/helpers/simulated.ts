import { expect } from "vitest";
import { mean } from "../../services/common/statistics.ts";
import type { NumericColumn } from "../../services/data/table/table.ts";
import { imputeAncestors } from "../../services/learning/snapshot/impute.ts";
import { loadSnapshotModel } from "../../services/learning/snapshot/load-snapshot-model.ts";
import type { SnapshotModel } from "../../services/learning/snapshot/snapshot-model.ts";
import { componentNamed } from "../../services/pipeline/dag.ts";
import { soleObjective } from "../../services/pipeline/objectives.ts";
import type { Pipeline } from "../../services/pipeline/pipeline.ts";
import type { Composition } from "../../services/pipeline/verdict.ts";
import type { StoredModel } from "../../services/simulator/models/model-store.ts";
import { parsePolicy } from "../../services/simulator/policies/all.ts";
import type { Policy } from "../../services/simulator/policies/policy.ts";
import { FATES, type PolicyRun } from "../../services/simulator/records/policy-run.ts";
import type { SeedWorld, WorldStage } from "../../services/simulator/run/seed-world.ts";
import { simulatePolicy } from "../../services/simulator/run/simulate-policy.ts";

/** A run of a policy, with the models of all its snapshots, the initial ones included, by `component@serial`. */
export interface Simulated {
  readonly world: SeedWorld;
  readonly run: PolicyRun;
  readonly models: ReadonlyMap<string, StoredModel>;
}

export async function simulate(world: SeedWorld, policy: string): Promise<Simulated> {
  const models = new Map<string, StoredModel>();
  const run = await simulatePolicy(world, parsePolicy(policy) as Policy, {
    signal: new AbortController().signal,
    onSnapshot: (component, serial, model) => models.set(`${component}@${serial}`, model),
  });
  return { world, run, models };
}

/** Every snapshot has one fate, and every deployment one verdict. */
export function expectConserved({ world, run, models }: Simulated): void {
  const names = run.snapshots.map(({ component, serial }) => `${component}@${serial}`);
  expect(new Set(names).size).toBe(names.length);
  // What was trained, besides the initial ones.
  const initial = new Set(world.stages[0].teams.map(({ name }) => `${name}@1`));
  expect(names.toSorted()).toEqual([...models.keys()].filter((key) => !initial.has(key)).toSorted());
  for (const { fate, verdict } of run.snapshots) {
    expect(FATES).toContain(fate);
    if (fate === "deployed") expect(verdict).not.toBeNull();
  }
  const moved = run.losses.flatMap(({ moves }) => Object.entries(moves).map(([team, serial]) => `${team}@${serial}`));
  expect(new Set(moved).size).toBe(moved.length);
  const deployed = run.snapshots.filter(({ fate }) => fate === "deployed");
  expect(moved.toSorted()).toEqual(deployed.map(({ component, serial }) => `${component}@${serial}`).toSorted());
}

/** The losses of a run are those that the bytes of its models have on the held-out rows. */
export async function expectLossesOfSnapshots({ world, run, models }: Simulated): Promise<void> {
  const inUse = new Map(world.stages[0].teams.map(({ name }) => [name, 1]));
  for (const { loss, moves } of run.losses) {
    for (const [name, serial] of Object.entries(moves)) inUse.set(name, serial);
    // The newest organization whose teams all have a snapshot.
    const stage = world.stages.findLast(({ teams }) => teams.every(({ name }) => inUse.has(name))) as WorldStage;
    const composition = Object.fromEntries(stage.teams.map(({ name }) => [name, inUse.get(name) as number]));
    expect(loss).toBeCloseTo(await lossOf(world, stage.pipeline, models, composition), 9);
  }
}

async function lossOf(
  { truth, unit }: SeedWorld,
  pipeline: Pipeline,
  models: Simulated["models"],
  composition: Composition,
) {
  const loaded: Record<string, SnapshotModel> = {};
  for (const [name, serial] of Object.entries(composition)) {
    const { bytes, contract } = models.get(`${name}@${serial}`) as StoredModel;
    loaded[name] = await loadSnapshotModel(bytes, contract);
  }
  const { heldOut, irreducible } = truth.rowsOf(0);
  const outputs = await imputeAncestors(pipeline, new Set(Object.keys(composition)), loaded, heldOut);
  const { output, target } = componentNamed(pipeline, soleObjective(pipeline));
  const observed = (heldOut.columns[target] as NumericColumn).values;
  const predicted = (outputs[output.name] as NumericColumn).values;
  const loss = mean(Float64Array.from(predicted, (value, row) => (value - (observed[row] as number)) ** 2));
  return (100 * (loss - irreducible)) / (unit - irreducible);
}
