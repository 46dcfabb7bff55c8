import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { UncoupleError } from "../../../../services/common/errors.ts";
import type { Column, NumericColumn } from "../../../../services/data/table/table.ts";
import type { Engine } from "../../../../services/engine/interface/engine.ts";
import { gatherEvidence } from "../../../../services/learning/counterfactual/evidence.ts";
import { chooseSource, prepareCounterfactual } from "../../../../services/learning/counterfactual/prepare.ts";
import { encodeDataset } from "../../../../services/learning/dataset/encoded-dataset.ts";
import type { Component, Pipeline } from "../../../../services/pipeline/pipeline.ts";

const engine: Engine = {
  name: "none",
  reason: "selected",
  clock: createVirtualClock(),
  prepare: () => Promise.reject(new UncoupleError("internal", "no engine")),
};

const ROWS = 60;
const numeric = (width: number, value: (row: number, k: number) => number): NumericColumn => ({
  kind: "numeric",
  width,
  values: Float32Array.from({ length: ROWS * width }, (_, i) => value(Math.floor(i / width), i % width)),
});
const wave = (row: number) => (1 + Math.sin(row + 1)) / 2;

/** Audited rows of an upstream that outputs probabilities of `classes` classes; `target` annotates it. */
async function evidenceOf(target: Column, classes = 2) {
  const names = Array.from({ length: classes }, (_, k) => `${k}`);
  const m1: Component = {
    name: "m1",
    columns: ["x1"],
    upstream: [],
    output: { name: "p", width: classes, meaning: "probabilities", classes: names },
    loss: "cross-entropy",
    target: "click",
  };
  const m2: Component = {
    name: "m2",
    columns: ["x2"],
    upstream: ["m1"],
    output: { name: "revenue", width: 1, meaning: "scalar" },
    loss: "mse",
    target: "y",
  };
  const pipeline: Pipeline = {
    name: "ads",
    components: [m1, m2],
    objective: "m2",
    data: { source: "synthetic", generator: "clicks", seed: 1, rows: 2 * ROWS, testFraction: 0.5 },
  };
  const columns = { x1: numeric(1, wave), x2: numeric(1, (row) => row), y: numeric(1, (row) => row * row) };
  const predicted = numeric(classes, (row, k) => (k === 0 ? wave(row) : (1 - wave(row)) / (classes - 1)));
  const p = { rows: ROWS, columns: { p: predicted } };
  const table = { rows: ROWS, columns };
  return gatherEvidence({
    pipeline,
    dataset: await encodeDataset(m2, table, p),
    table,
    extent: "values",
    fit: { engine, seed: 1 },
    audit: { rows: ROWS, columns: { ...columns, click: target } },
    auditImputed: p,
  });
}

const labels = numeric(1, (row) => row % 2);

describe("labels of an upstream's probabilities", () => {
  it("make auto calibrate instead of pooling labels with probabilities", async () => {
    expect(chooseSource("auto", await evidenceOf(labels)).name).toBe("calibration");
    const text: Column = { kind: "categorical", width: 1, dictionary: ["1", "0"], codes: new Int32Array(ROWS) };
    expect(chooseSource("auto", await evidenceOf(text)).name).toBe("calibration");
    const oneHot = numeric(2, (row, k) => (row % 2 === k ? 1 : 0));
    expect(chooseSource("auto", await evidenceOf(oneHot)).name).toBe("calibration");
  });

  it("are not what an audit of the probabilities themselves has: auto pools those", async () => {
    const probabilities = numeric(2, (row, k) => (k === 0 ? wave(row) : 1 - wave(row)));
    expect(chooseSource("auto", await evidenceOf(probabilities)).name).toBe("pooled");
  });

  it.each([
    ["pooled", /pooled fits one function to labels of m1 and to its probabilities.*use calibration/],
    ["audit-direct", /audit-direct learns from labels of m1 and sums over its classes.*use calibration/],
  ])("warn a team that names %s, which is used all the same", async (name, warning) => {
    const warnings: string[] = [];
    const prepared = prepareCounterfactual(name, await evidenceOf(labels), (message) => warnings.push(message));
    await expect(prepared).rejects.toThrow("no engine");
    expect(warnings).toEqual([expect.stringMatching(warning)]);
  });

  it.each(["calibration", "residualized"])("do not warn a team that names %s", async (name) => {
    const warnings: string[] = [];
    const prepared = prepareCounterfactual(name, await evidenceOf(labels), (message) => warnings.push(message));
    await expect(prepared).rejects.toThrow("no engine");
    expect(warnings).toEqual([]);
  });

  it("of too many classes are refused by audit-direct, which would evaluate its function for each", async () => {
    const many = numeric(1, (row) => row % 65);
    const manyClasses = await evidenceOf(many, 65);
    expect(() => chooseSource("audit-direct", manyClasses)).toThrow(/65 combinations.*at most 64/);
    expect(chooseSource("audit-direct", await evidenceOf(many, 64)).name).toBe("audit-direct");
  });
});
