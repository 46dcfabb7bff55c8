import { signal as signalOf, WIDE } from "../../data/synthetic/self-defeating.ts";
import { createSyntheticSource } from "../../data/synthetic/synthetic-source.ts";
import type { NumericColumn, Table } from "../../data/table/table.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { trainComponent } from "../../learning/component/train-component.ts";
import type { UpdateToDiagnose } from "../../learning/diagnosis/diagnose-update.ts";
import type { RetrainingOutcome } from "../../learning/diagnosis/retraining.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import type { Component, Pipeline, SyntheticSource } from "../../pipeline/pipeline.ts";
import { DEFAULT_TEAM, type ModelSpec } from "../../pipeline/team.ts";
import { dense } from "../lab/lab.ts";

/**
 * Updates of M1 that improve its own loss and degrade the pipeline with M2 as it is, with known parts of the change in
 * loss with M2 retrained. `near-far`, `cube`: see `self-defeating.ts`. `few-rows`: the old M1 predicts in one coordinate all
 * that y depends on; the new one is exact, and M2 has to learn 16 coefficients. `coupled`: M1 predicts twice what y depends
 * on, with an error of the variance 1, of which the best M2 takes 0.4; then it predicts what y depends on, and 0.4 is too
 * little. With M2 as it is, the loss rises from 1.2 to 1.36; retrained, it falls to 1.
 */
export const KNOWN_UPDATES = ["near-far", "cube", "few-rows", "coupled"] as const;
export type KnownUpdateName = (typeof KNOWN_UPDATES)[number];

export interface KnownUpdateOptions {
  readonly seed: number;
  /** Training rows, of which the split by hash makes about so many. */
  readonly rows: number;
  readonly heldOut: number;
  readonly steps: number;
  readonly engine: Engine;
  /** Trainings of each model. */
  readonly seeds?: number;
  readonly signal?: AbortSignal;
}

interface KnownUpdate {
  readonly generator: string;
  readonly columns: readonly [m1: readonly string[], m2: readonly string[]];
  /** Coordinates of M1's output. */
  readonly width: number;
  readonly model: ModelSpec;
  readonly before: RowFunction;
  readonly after: RowFunction;
  /** The best M2 of its class for the old M1, from its own columns and M1's output: it is in use. */
  readonly inUse: RowFunction;
  /** The best M2 of its class for the new M1. */
  readonly best: RowFunction;
  readonly truth: KnownTruth;
}

/** Changes of the minima of the loss, exactly: over all functions, and over M2's model class beyond that. */
export interface KnownTruth {
  readonly upstream: number;
  readonly approximation: number;
  readonly outcome: RetrainingOutcome;
}

/** The value of a coordinate of a row. */
type RowFunction = (table: Table, row: number, coordinate: number) => number;

const updates: Readonly<Record<KnownUpdateName, KnownUpdate>> = {
  "near-far": {
    generator: "near-far",
    columns: [["far", "features"], ["far"]],
    width: 1,
    model: dense(64),
    before: (table, row) => (value(table, "far", row) > 0 ? 0 : value(table, "features", 2 * row)),
    after: (table, row) => (value(table, "far", row) > 0 ? 10 * value(table, "features", 2 * row + 1) : 0),
    inUse: (table, row) => (value(table, "far", row) > 0 ? 0 : value(table, "z", row)),
    best: () => 0,
    truth: { upstream: 1 / 6, approximation: 0, outcome: "self-defeating-after-retraining" },
  },
  cube: {
    generator: "cube",
    columns: [["x1"], []],
    width: 1,
    model: dense(),
    before: (table, row) => 0.6 * value(table, "x1", row),
    after: (table, row) => cubed(value(table, "x1", row)),
    inUse: (table, row) => value(table, "z", row) / 0.6,
    // E[yz] / E[z^2] = (1 / 5) / (1 / 7)
    best: (table, row) => 1.4 * value(table, "z", row),
    truth: { upstream: 0, approximation: 4 / 75, outcome: "self-defeating-after-retraining" },
  },
  "few-rows": {
    generator: "wide",
    columns: [["x1"], []],
    width: WIDE,
    model: dense(),
    before: (table, row, coordinate) => (coordinate === 0 ? signalOf(valuesOf(table, "x1"), row) : 0),
    after: (table, row, coordinate) => value(table, "x1", row * WIDE + coordinate),
    inUse: (table, row) => value(table, "z", row * WIDE),
    best: (table, row) => signalOf(valuesOf(table, "z"), row),
    truth: { upstream: 0, approximation: 0, outcome: "self-defeating-after-retraining" },
  },
  coupled: {
    generator: "wide",
    columns: [["x1"], []],
    width: WIDE,
    model: dense(),
    before: (table, row, coordinate) => {
      if (coordinate > 0) return 0;
      const x = valuesOf(table, "x1");
      const error = ((x[row * WIDE] as number) - (x[row * WIDE + 1] as number)) * Math.SQRT1_2;
      return 2 * signalOf(x, row) + error;
    },
    after: (table, row, coordinate) => (coordinate === 0 ? signalOf(valuesOf(table, "x1"), row) : 0),
    inUse: (table, row) => 0.4 * value(table, "z", row * WIDE),
    best: (table, row) => value(table, "z", row * WIDE),
    truth: { upstream: -0.2, approximation: 0, outcome: "coupled" },
  },
};

/** The update, its pipeline and data, and what is known about it. */
export interface KnownUpdateParts {
  readonly update: UpdateToDiagnose;
  readonly truth: KnownTruth;
  /** The best M2 of its class for the new M1; the one in use is the best for the old M1. */
  readonly best: SnapshotModel;
}

/** Generates one of the updates. */
export function knownUpdate(
  name: KnownUpdateName,
  { seed, rows, heldOut, steps, engine, seeds, signal }: KnownUpdateOptions,
): KnownUpdateParts {
  const { generator, columns, width, model, before, after, inUse, best, truth } = updates[name];
  const data: SyntheticSource = {
    source: "synthetic",
    generator,
    seed,
    rows: rows + heldOut,
    testFraction: heldOut / (rows + heldOut),
  };
  const component = (own: string, reads: readonly string[], upstream: string[], target: string): Component => {
    const dimensions = own === "m1" ? width : 1;
    return {
      name: own,
      columns: reads,
      upstream,
      output: { name: target, width: dimensions, meaning: dimensions === 1 ? "scalar" : "real" },
      loss: "mse",
      target,
    };
  };
  const pipeline: Pipeline = {
    name,
    components: [component("m1", columns[0], [], "z"), component("m2", columns[1], ["m1"], "y")],
    objective: "m2",
    data,
  };
  return {
    truth,
    best: formula(best, 1),
    update: {
      pipeline,
      source: createSyntheticSource(data),
      component: "m1",
      before: { m1: formula(before, width) },
      after: formula(after, width),
      inUse: formula(inUse, 1),
      team: { ...DEFAULT_TEAM, component: "m2", model, steps, seed },
      training: { train: trainComponent },
      engine,
      ...(seeds !== undefined && { seeds }),
      ...(signal !== undefined && { signal }),
    },
  };
}

function cubed(x: number): number {
  return x * x * x;
}

function formula(of: RowFunction, width: number): SnapshotModel {
  return {
    predict: async (table) =>
      Float32Array.from({ length: table.rows * width }, (_, at) => of(table, Math.floor(at / width), at % width)),
    dispose: async () => {},
  };
}

function value(table: Table, column: string, at: number): number {
  return valuesOf(table, column)[at] as number;
}

function valuesOf(table: Table, column: string): Float32Array {
  return (table.columns[column] as NumericColumn).values;
}
