import { describe, expect, it } from "vitest";
import type { Column } from "../../../../services/data/table/table.ts";
import { annotatedOutput } from "../../../../services/learning/counterfactual/annotation.ts";
import type { Component } from "../../../../services/pipeline/pipeline.ts";

const classifier: Component = {
  name: "intent",
  columns: ["text"],
  upstream: [],
  output: { name: "p", width: 3, meaning: "probabilities", classes: ["ask", "buy", "leave"] },
  loss: "cross-entropy",
  target: "label",
};
const regressor: Component = {
  ...classifier,
  output: { name: "z", width: 2, meaning: "real" },
  loss: "mse",
};
const texts = (dictionary: string[], codes: number[]): Column => ({
  kind: "categorical",
  width: 1,
  dictionary,
  codes: Int32Array.from(codes),
});
const numeric = (width: number, ...values: number[]): Column => ({
  kind: "numeric",
  width,
  values: Float32Array.from(values),
});
const read = (component: Component, label: Column | undefined, rows = 2) =>
  annotatedOutput(component, { rows, columns: label === undefined ? {} : { label } });

describe("annotated upstream targets", () => {
  it("are one-hot in the order of output.classes, regardless of the order in the data", () => {
    const column = read(classifier, texts(["leave", "ask"], [0, 1]));
    expect(column).toEqual(numeric(3, 0, 0, 1, 1, 0, 0));
    expect(read(classifier, numeric(1, 2, 0))).toEqual(numeric(3, 0, 0, 1, 1, 0, 0));
  });

  it("are the values themselves for real outputs", () => {
    const label = numeric(2, 1, 2, 3, 4);
    expect(read(regressor, label)).toBe(label);
  });

  it("are rejected with a reason if they do not fit the output", () => {
    expect(read(regressor, undefined)).toEqual({ missing: expect.stringMatching(/does not annotate label.*intent/) });
    expect(read(regressor, numeric(1, 1, 2))).toEqual({
      missing: expect.stringMatching(/must have 2 numbers per row/),
    });
    expect(read(classifier, texts(["return"], [0, 0]))).toEqual({
      missing: expect.stringMatching(/row 1 is not one of the classes/),
    });
    expect(read(classifier, numeric(1, 0, 3))).toEqual({
      missing: expect.stringMatching(/row 2 is not one of the classes/),
    });
    expect(read({ ...regressor, loss: "policy" }, numeric(2, 1, 2, 3, 4))).toEqual({
      missing: expect.stringMatching(/chooses actions/),
    });
  });
});
