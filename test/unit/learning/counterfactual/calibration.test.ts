import { expect, it } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { createRandom } from "../../../../services/data/random/random.ts";
import type { NumericColumn } from "../../../../services/data/table/table.ts";
import { createWasmEngine } from "../../../../services/engine/wasm/wasm-engine.ts";
import { calibrate } from "../../../../services/learning/counterfactual/calibration.ts";
import { type AuditSample, gatherEvidence } from "../../../../services/learning/counterfactual/evidence.ts";
import { encodeDataset } from "../../../../services/learning/dataset/encoded-dataset.ts";
import type { Matrix } from "../../../../services/learning/dataset/row-matrix.ts";
import type { Component, Pipeline } from "../../../../services/pipeline/pipeline.ts";

const ROWS = 600;
const random = createRandom(3, "calibration");
const x1 = Float32Array.from({ length: ROWS }, () => 4 * random.uniform() - 2);
const draws = Float32Array.from({ length: ROWS }, () => random.uniform());

const numeric = (width: number, value: (row: number, k: number) => number): NumericColumn => ({
  kind: "numeric",
  width,
  values: Float32Array.from({ length: ROWS * width }, (_, i) => value(Math.floor(i / width), i % width)),
});
const x = (row: number) => x1[row] as number;
const probability = (row: number) => 1 / (1 + Math.exp(-2 * x(row)));
const sum = (row: number) => x(row) ** 2;

const component = (name: string, upstream: string[], more: Partial<Component>): Component => ({
  name,
  columns: ["x1"],
  upstream,
  output: { name: `${name}-output`, width: 1, meaning: "scalar" },
  loss: "mse",
  target: name,
  ...more,
});
const output = { name: "click-output", width: 2, meaning: "probabilities", classes: ["0", "1"] } as const;
const components = [
  component("click", [], { output, loss: "cross-entropy" }),
  component("size", [], {}),
  component("y", ["click", "size"], { columns: [] }),
];
const pipeline: Pipeline = {
  name: "mixed",
  components,
  objective: "y",
  data: { source: "synthetic", generator: "clicks", seed: 1, rows: 2 * ROWS, testFraction: 0.5 },
};

it("estimates numbers and probabilities of labels side by side, in the order of the inputs", async () => {
  const columns = { x1: { kind: "numeric", width: 1, values: x1 } as const, y: numeric(1, sum) };
  // Upstream predicts a weaker probability, and 1 too much.
  const imputed = {
    "click-output": numeric(2, (row, k) => 0.25 + 0.5 * (k === 1 ? probability(row) : 1 - probability(row))),
    "size-output": numeric(1, (row) => sum(row) + 1),
  };
  const click = numeric(1, (row) => ((draws[row] as number) < probability(row) ? 1 : 0));
  const table = { rows: ROWS, columns };
  const upstream = { rows: ROWS, columns: imputed };
  const dataset = await encodeDataset(components[2] as Component, table, upstream);
  const evidence = await gatherEvidence({
    pipeline,
    dataset,
    table,
    extent: "values",
    fit: { engine: createWasmEngine({ clock: systemClock }), seed: 1 },
    audit: { rows: ROWS, columns: { ...columns, click, size: numeric(1, sum) } },
    auditImputed: upstream,
  });
  const { width, values } = (await calibrate(evidence)) as Matrix;
  expect(width).toBe(3);
  const [block] = (evidence.audit as AuditSample).labeled;
  expect(block).toMatchObject({ component: "click", offset: 0, width: 2 });
  const size = dataset.encoding.imputed.columns[1] as { mean: readonly number[]; std: readonly number[] };
  let [clickError, sizeError] = [0, 0];
  for (let row = 0; row < ROWS; row++) {
    const at = (k: number, { mean, std }: { readonly mean: readonly number[]; readonly std: readonly number[] }) =>
      (values[3 * row + k] as number) * (std[k % 2] as number) + (mean[k % 2] as number);
    const [no, yes] = [at(0, block as NonNullable<typeof block>), at(1, block as NonNullable<typeof block>)];
    expect(no + yes).toBeCloseTo(1, 4);
    expect(yes).toBeGreaterThan(-1e-5);
    clickError += (yes - probability(row)) ** 2 / ROWS;
    sizeError += (at(2, size) - sum(row)) ** 2 / ROWS;
  }
  expect(clickError).toBeLessThan(0.004);
  expect(sizeError).toBeLessThan(0.02);
});
