import { describe, expect, test } from "vitest";
import type { Column, Table } from "../../../../services/data/table/table.ts";
import { type FitSubject, summarizeFit } from "../../../../services/learning/fit-summary/summarize-fit.ts";
import type { Component } from "../../../../services/pipeline/pipeline.ts";

const numbers = (values: readonly number[], width = 1): Column => ({
  kind: "numeric",
  width,
  values: Float32Array.from(values),
});
const texts = (values: readonly string[]): Column => {
  const dictionary = [...new Set(values)];
  return {
    kind: "categorical",
    width: 1,
    dictionary,
    codes: Int32Array.from(values, (one) => dictionary.indexOf(one)),
  };
};
const tableOf = (columns: Readonly<Record<string, Column>>, rows: number): Table => ({ rows, columns });
const range = (count: number) => Array.from({ length: count }, (_, row) => row);

const real: Component = {
  name: "m1",
  columns: ["x", "device"],
  upstream: [],
  output: { name: "z", width: 1, meaning: "scalar" },
  loss: "mse",
  target: "y",
};
const classifier: Component = {
  ...real,
  output: { name: "p", width: 2, meaning: "probabilities", classes: ["no", "yes"] },
  loss: "cross-entropy",
};

/** Of a model that predicts the column x, or what `predict` says. */
function subject(component: Component, rows: number, columns: Record<string, Column>, target: Column): FitSubject {
  return {
    component,
    table: tableOf(columns, rows),
    targets: tableOf({ y: target }, rows),
    sliced: component.columns,
    predict: async (table) => (table.columns.x as Extract<Column, { kind: "numeric" }>).values,
    nameOf: (row) => `row ${row}`,
  };
}

describe("the fit of a model of numbers", () => {
  const rows = 200;
  // Right on phones, 1 too high on every fourth row, which is a desktop's, and 3 too high on the last of these.
  const errors = range(rows).map((row) => (row === 199 ? 3 : row % 4 === 3 ? 1 : 0));
  const x = range(rows).map((row) => row / 10);
  const fit = summarizeFit(
    subject(
      real,
      rows,
      { x: numbers(x), device: texts(errors.map((error) => (error > 0 ? "desktop" : "phone"))) },
      numbers(x.map((value, row) => value - (errors[row] as number))),
    ),
  );

  test("has its loss, and the mean, spread and shares of its residuals", async () => {
    const { loss, outputs } = await fit;
    expect(loss).toBeCloseTo((49 + 9) / 200, 4);
    const { residuals, name } = outputs[0] ?? {};
    expect(name).toBe("z");
    expect(residuals?.mean).toBeCloseTo((49 + 3) / 200, 4);
    expect(residuals?.quantiles[3]).toBeCloseTo(0, 4);
    expect(residuals?.quantiles[5]).toBeCloseTo(1, 4);
    expect(residuals?.edges).toHaveLength((residuals?.shares.length ?? 0) + 1);
    expect(residuals?.shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 10);
    expect(residuals?.shares[0]).toBeCloseTo(0.75, 10);
  });

  test("compares the means of tenths of its predictions with those of their targets", async () => {
    const { groups = [], calibrationError } = (await fit).outputs[0] ?? {};
    expect(groups.map((group) => group.rows)).toEqual(new Array(10).fill(20));
    expect((groups[0]?.predicted ?? 0) - (groups[0]?.actual ?? 0)).toBeCloseTo(0.25, 4);
    expect(calibrationError).toBeCloseTo((49 + 3) / 200, 4);
  });

  test("finds the slice that is bad, and names the worst rows", async () => {
    const { slices, worst } = await fit;
    const devices = slices.filter(({ column }) => column === "device");
    expect(devices.map(({ value, rows: count }) => [value, count])).toEqual([
      ["phone", 150],
      ["desktop", 50],
    ]);
    expect(devices[0]).toMatchObject({ standardError: 0 });
    expect(devices[1]?.loss).toBeCloseTo((49 + 9) / 50, 4);
    expect(slices.filter(({ column }) => column === "x").map(({ rows: count }) => count)).toEqual([40, 40, 40, 40, 40]);
    expect(worst).toHaveLength(10);
    expect(worst[0]).toMatchObject({ row: "row 199", predicted: "19.9", actual: "16.9" });
    expect(worst[0]?.loss).toBeCloseTo(9, 4);
  });
});

describe("the fit of a classifier", () => {
  test("is calibrated where its classes are as frequent as predicted, and shows where they are not", async () => {
    const rows = 1000;
    const probabilities = range(rows).map((row) => (row % 10) / 10 + 0.05);
    // Every tenth of the rows has the class as often as predicted, but for the highest, which never has it.
    const labels = range(rows).map((row) => {
      const share = (row % 10) / 10 + 0.05;
      return row % 10 < 9 && Math.floor(row / 10) < 100 * share ? "yes" : "no";
    });
    const outputs = probabilities.flatMap((probability) => [1 - probability, probability]);
    const fit = await summarizeFit({
      ...subject(classifier, rows, { x: numbers(probabilities), device: texts(labels) }, texts(labels)),
      predict: async () => Float32Array.from(outputs),
    });
    expect(fit.outputs.map(({ name }) => name)).toEqual(["no", "yes"]);
    const { groups = [], calibrationError, residuals } = fit.outputs[1] ?? {};
    expect(residuals).toBeUndefined();
    for (const { predicted, actual } of groups.slice(0, 9)) expect(Math.abs(predicted - actual)).toBeLessThan(0.01);
    expect(groups[9]).toMatchObject({ rows: 100, actual: 0 });
    expect(calibrationError).toBeCloseTo(0.095, 2);
    expect(fit.worst[0]).toMatchObject({ predicted: "no (95 %)", actual: "yes (5 %)" });
  });

  test("keeps rows with equal predictions in one group", async () => {
    const rows = 100;
    const fit = await summarizeFit({
      ...subject(classifier, rows, {}, texts(range(rows).map((row) => (row % 2 === 0 ? "yes" : "no")))),
      predict: async () => Float32Array.from(range(rows).flatMap(() => [0.5, 0.5])),
    });
    expect(fit.outputs[1]?.groups).toEqual([{ rows, predicted: 0.5, actual: 0.5 }]);
    expect(fit.slices).toEqual([]);
  });
});

test("the fit of a policy has its loss and worst rows, but no residuals: its target is a reward", async () => {
  const policy: Component = {
    ...real,
    output: { name: "p", width: 2, meaning: "probabilities", classes: ["a", "b"] },
    loss: "policy",
  };
  const fit = await summarizeFit({
    ...subject(policy, 2, {}, numbers([1, 0, 0, 1], 2)),
    predict: async () => Float32Array.of(1, 0, 1, 0),
  });
  expect(fit).toMatchObject({ loss: -0.5, outputs: [], worst: [{ row: "row 1" }, { row: "row 0" }] });
});

test("a model that is not finite has no fit", async () => {
  const broken = {
    ...subject(real, 1, { x: numbers([1]) }, numbers([1])),
    predict: async () => Float32Array.of(Number.NaN),
  };
  await expect(summarizeFit(broken)).rejects.toThrow("its loss on training rows is NaN");
});
