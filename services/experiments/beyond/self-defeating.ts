import { createSyntheticSource } from "../../data/synthetic/synthetic-source.ts";
import type { NumericColumn, Table } from "../../data/table/table.ts";
import type { Engine } from "../../engine/interface/engine.ts";
import { trainComponent } from "../../learning/component/train-component.ts";
import type { DiagnosisPart } from "../../learning/diagnosis/decompose.ts";
import { diagnoseUpdate, type UpdateDiagnosis } from "../../learning/diagnosis/diagnose-update.ts";
import type { SnapshotModel } from "../../learning/snapshot/snapshot-model.ts";
import type { Component, Pipeline, SyntheticSource } from "../../pipeline/pipeline.ts";
import { DEFAULT_TEAM, type ModelSpec } from "../../pipeline/team.ts";
import { dense } from "../lab/lab.ts";
import { type Summary, summarize } from "../lab/statistics.ts";
import type { Sizes } from "../paper/two-stage.ts";

/**
 * Updates of M1 with known causes that improve its own loss but degrade the pipeline even with M2 retrained.
 * `near-far`: the new M1 is right about far objects, which dominate its squared error, and loses the near ones that M2
 * needs; the pipeline's loss increases by 1/6, all of it upstream error. `cube`: the new M1 is exact, but a linear M2
 * cannot use its output; the loss increases by 4/75, all of it approximation error.
 */
export const SELF_DEFEATING_CASES = ["near-far", "cube"] as const;
export type SelfDefeatingCase = (typeof SELF_DEFEATING_CASES)[number];

export interface SelfDefeatingOptions {
  readonly seed: number;
  /** Rows of each split. */
  readonly rows: number;
  readonly steps: number;
  readonly engine: Engine;
  readonly signal?: AbortSignal;
}

interface Case {
  readonly columns: readonly [m1: readonly string[], m2: readonly string[]];
  readonly model: ModelSpec;
  readonly before: (table: Table, row: number) => number;
  readonly after: (table: Table, row: number) => number;
}

const cases: Readonly<Record<SelfDefeatingCase, Case>> = {
  "near-far": {
    columns: [["far", "features"], ["far"]],
    model: dense(64),
    before: (table, row) => (value(table, "far", row) > 0 ? 0 : value(table, "features", 2 * row)),
    after: (table, row) => (value(table, "far", row) > 0 ? 10 * value(table, "features", 2 * row + 1) : 0),
  },
  cube: {
    columns: [["x1"], []],
    model: dense(),
    before: (table, row) => 0.6 * value(table, "x1", row),
    after: (table, row) => cube(value(table, "x1", row)),
  },
};

/** Diagnoses one generated case. */
export function diagnoseCase(name: SelfDefeatingCase, options: SelfDefeatingOptions): Promise<UpdateDiagnosis> {
  const { columns, model, before, after } = cases[name];
  const component = (own: string, reads: readonly string[], upstream: string[], target: string): Component => ({
    name: own,
    columns: reads,
    upstream,
    output: { name: target, width: 1, meaning: "scalar" },
    loss: "mse",
    target,
  });
  const data: SyntheticSource = {
    source: "synthetic",
    generator: name,
    seed: options.seed,
    rows: 2 * options.rows,
    testFraction: 0.5,
  };
  const pipeline: Pipeline = {
    name,
    components: [component("m1", columns[0], [], "z"), component("m2", columns[1], ["m1"], "y")],
    objective: "m2",
    data,
  };
  const team = { ...DEFAULT_TEAM, component: "m2", model, steps: options.steps, seed: options.seed };
  return diagnoseUpdate({
    pipeline,
    source: createSyntheticSource(data),
    component: "m1",
    before: { m1: formula(before) },
    after: formula(after),
    team,
    training: { train: trainComponent },
    engine: options.engine,
    ...(options.signal !== undefined && { signal: options.signal }),
  });
}

export interface DiagnosedUpdates {
  readonly experiment: "diagnosis";
  readonly seeds: readonly number[];
  readonly rows: readonly {
    readonly case: SelfDefeatingCase;
    /** Increase in the pipeline's loss with M2 retrained. */
    readonly change: Summary;
    readonly parts: Readonly<Record<DiagnosisPart, Summary>>;
    /** Number of seeds in which each part was named as the cause. */
    readonly named: Readonly<Record<DiagnosisPart | "none", number>>;
  }[];
}

/** Diagnoses both cases on one seed. */
export async function diagnosesOf(
  seed: number,
  sizes: Sizes,
  engine: Engine,
  signal?: AbortSignal,
): Promise<readonly UpdateDiagnosis[]> {
  const diagnoses: UpdateDiagnosis[] = [];
  for (const name of SELF_DEFEATING_CASES) {
    const { rows, downstreamSteps: steps } = sizes;
    diagnoses.push(await diagnoseCase(name, { seed, rows, steps, engine, ...(signal !== undefined && { signal }) }));
  }
  return diagnoses;
}

export function diagnosedUpdates(
  seeds: readonly number[],
  perSeed: readonly (readonly UpdateDiagnosis[])[],
): DiagnosedUpdates {
  const rows = SELF_DEFEATING_CASES.map((name, at) => {
    const diagnoses = perSeed.map((cases) => cases[at] as UpdateDiagnosis);
    const part = (which: DiagnosisPart) => summarize(diagnoses.map(({ parts }) => parts[which].value));
    const named = (which: DiagnosisPart | null) => diagnoses.filter(({ cause }) => cause === which).length;
    return {
      case: name,
      change: summarize(diagnoses.map(({ change }) => change.value)),
      parts: { upstream: part("upstream"), approximation: part("approximation"), estimation: part("estimation") },
      named: {
        upstream: named("upstream"),
        approximation: named("approximation"),
        estimation: named("estimation"),
        none: named(null),
      },
    };
  });
  return { experiment: "diagnosis", seeds, rows };
}

function cube(x: number): number {
  return x * x * x;
}

function formula(of: (table: Table, row: number) => number): SnapshotModel {
  return {
    predict: async (table) => Float32Array.from({ length: table.rows }, (_, row) => of(table, row)),
    dispose: async () => {},
  };
}

function value(table: Table, column: string, at: number): number {
  return (table.columns[column] as NumericColumn).values[at] as number;
}
