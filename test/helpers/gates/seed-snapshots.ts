import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { mean } from "../../../services/common/statistics.ts";
import { buildGenerator } from "../../../services/data/synthetic/generators.ts";
import { sampleModel } from "../../../services/data/synthetic/structural-model.ts";
import { createSyntheticSource } from "../../../services/data/synthetic/synthetic-source.ts";
import type { Column, Table } from "../../../services/data/table/table.ts";
import { rowLosses, targetOf } from "../../../services/data/targets/losses.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import { dense, openLab } from "../../../services/experiments/lab/lab.ts";
import { SECOND_STAGE, twoStagePipeline } from "../../../services/experiments/paper/two-stage.ts";
import type { SnapshotModel } from "../../../services/learning/snapshot/snapshot-model.ts";
import type { Pipeline } from "../../../services/pipeline/pipeline.ts";
import type { Composition } from "../../../services/pipeline/verdict.ts";

const DATA_SEED = 1;
const TRAINING_ROWS = 4_000;
const STEPS = 1000;
const TRUTH_ROWS = 1_000_000;
/** Rows at a time: an output of 3 coordinates is 1.2 MB. */
const BLOCK = 100_000;

/** Snapshots of the paper's two components, trained on the same rows with the same settings and different seeds. */
export interface SeedSnapshots {
  readonly pipeline: Pipeline;
  /** Serials of both components are 1 to this. */
  readonly count: number;
  /** Draws rows that no snapshot was trained on. */
  drawRows(rows: number, draw: string): DrawnRows;
  /** The mean pipeline loss on 1,000,000 rows, which are the same in every call. */
  trueLoss(composition: Composition): Promise<number>;
}

export interface DrawnRows {
  /** [rows]: the pipeline loss of every row. */
  losses(composition: Composition): Promise<Float64Array>;
}

/** @param count snapshots of each component */
export async function trainSeedSnapshots(count: number): Promise<SeedSnapshots> {
  const pipeline = twoStagePipeline(DATA_SEED, TRAINING_ROWS);
  const engine = createWasmEngine({ clock: systemClock });
  const m1: SnapshotModel[] = [];
  const m2: SnapshotModel[] = [];
  const recipe = { model: dense(16), steps: STEPS };
  for (let seed = 1; seed <= count; seed++) {
    const lab = await openLab(pipeline, createSyntheticSource(pipeline.data), engine, seed);
    m1.push(await lab.train("m1", recipe, {}));
    // All of them on the first M1, as if it had been released all the time.
    m2.push(await lab.train("m2", recipe, { m1: m1[0] as SnapshotModel }));
  }
  const generator = buildGenerator(pipeline.data.generator, DATA_SEED);

  function sample(rows: number, draw: string): Table {
    const values = sampleModel(
      generator,
      ["x1", "x2", "y"],
      Int32Array.from({ length: rows }, (_, row) => row),
      DATA_SEED,
      draw,
    );
    const columns = Object.entries(values).map(([name, of]) => [
      name,
      { kind: "numeric", width: of.length / rows, values: of } as const,
    ]);
    return { rows, columns: Object.fromEntries(columns) };
  }

  const targetIn = (table: Table) => targetOf(SECOND_STAGE, table.columns.y as Column);
  const modelOf = (models: readonly SnapshotModel[], serial: number | undefined) =>
    models[(serial ?? 0) - 1] as SnapshotModel;
  const firstStage = (table: Table, composition: Composition) => modelOf(m1, composition.m1).predict(table);
  async function secondStage(table: Table, z: Float32Array, composition: Composition): Promise<Float64Array> {
    const columns = { ...table.columns, z: { kind: "numeric", width: 3, values: z } as const };
    const predicted = await modelOf(m2, composition.m2).predict({ rows: table.rows, columns });
    return rowLosses(SECOND_STAGE, predicted, targetIn(table));
  }

  function drawRows(rows: number, draw: string): DrawnRows {
    const table = sample(rows, draw);
    const outputs = memo((composition) => firstStage(table, composition), ["m1"]);
    return {
      losses: memo(async (composition) => secondStage(table, await outputs(composition), composition), ["m1", "m2"]),
    };
  }

  let truthTables: readonly Table[] = [];
  const trueLoss = memo(
    async (composition) => {
      if (truthTables.length === 0) {
        truthTables = Array.from({ length: TRUTH_ROWS / BLOCK }, (_, block) => sample(BLOCK, `truth/${block}`));
      }
      const parts: number[] = [];
      for (const table of truthTables) {
        parts.push(mean(await secondStage(table, await firstStage(table, composition), composition)));
      }
      return mean(parts);
    },
    ["m1", "m2"],
  );
  return { pipeline, count, drawRows, trueLoss };
}

/** Computes a value once for each choice of the snapshots that it depends on. */
function memo<T>(compute: (composition: Composition) => Promise<T>, components: readonly string[]) {
  const known = new Map<string, Promise<T>>();
  return (composition: Composition): Promise<T> => {
    const key = components.map((name) => composition[name]).join();
    const value = known.get(key) ?? compute(composition);
    known.set(key, value);
    return value;
  };
}
