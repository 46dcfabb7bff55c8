import { UncoupleError } from "../../services/common/errors.ts";
import type { Column, ColumnSchema, Table } from "../../services/data/table/table.ts";
import type { SnapshotContract, SnapshotModel } from "../../services/learning/snapshot/snapshot-model.ts";
import type { Component, OutputSpec, Pipeline } from "../../services/pipeline/pipeline.ts";

/** A component that reads one column of its own name in lower case with an x, if the data has it. */
export function component(change: Partial<Component> & { readonly name: string }): Component {
  const output: OutputSpec = { name: `${change.name}-out`, width: 1, meaning: "scalar" };
  return { columns: [], upstream: [], output, loss: "mse", target: "y", ...change };
}

export function pipelineOf<O extends Pipeline["objective"]>(
  components: readonly Component[],
  objective: O,
): Pipeline & { readonly objective: O } {
  return {
    name: "demo",
    components,
    objective,
    data: { source: "synthetic", generator: "none", seed: 1, rows: 100, testFraction: 0.5 },
  };
}

/** u reads x and predicts z, d reads x and u's output and predicts y. */
export const twoComponents: Pipeline = pipelineOf(
  [
    component({ name: "u", columns: ["x"], target: "z" }),
    component({ name: "d", columns: ["x"], upstream: ["u"], target: "y" }),
  ],
  "d",
);

export function tableOf(columns: Readonly<Record<string, readonly number[]>>): Table {
  const [first = []] = Object.values(columns);
  const entries = Object.entries(columns).map(([name, values]): [string, Column] => [
    name,
    { kind: "numeric", width: 1, values: Float32Array.from(values) },
  ]);
  return { rows: first.length, columns: Object.fromEntries(entries) };
}

export function schemaOf(table: Table): ColumnSchema[] {
  return Object.entries(table.columns).map(([name, { kind, width }]) => ({ name, kind, width }));
}

/** A model as text: the weight of every input (of width 1) and a constant, or something that goes wrong. */
export interface LinearModel {
  readonly weights: Readonly<Record<string, number>>;
  readonly bias?: number;
  /** What it predicts where it is not the linear function. */
  readonly emits?: "nan" | "nothing";
}

export const linearBytes = (model: LinearModel): Uint8Array => new TextEncoder().encode(JSON.stringify(model));

/** Loads the bytes of `linearBytes`, as `loadSnapshotModel` loads ONNX. */
export async function loadLinear(bytes: Uint8Array, contract: SnapshotContract): Promise<SnapshotModel> {
  let model: LinearModel;
  try {
    model = JSON.parse(new TextDecoder().decode(bytes)) as LinearModel;
  } catch {
    throw new UncoupleError("invalid-argument", "not a model");
  }
  return {
    async predict({ rows, columns }) {
      if (model.emits === "nothing") throw new UncoupleError("invalid-argument", "the graph fails");
      return Float32Array.from({ length: rows * contract.output.width }, (_, row) => {
        if (model.emits === "nan") return Number.NaN;
        let sum = model.bias ?? 0;
        for (const [name, weight] of Object.entries(model.weights)) {
          const column = columns[name];
          if (column?.kind === "numeric") sum += weight * (column.values[row] as number);
        }
        return sum;
      });
    },
    async dispose() {},
  };
}
