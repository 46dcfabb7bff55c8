import { describe, expect, test } from "vitest";
import { mean } from "../../../../services/common/statistics.ts";
import type { Column } from "../../../../services/data/table/table.ts";
import { rowErrors, rowLosses, targetOf } from "../../../../services/data/targets/losses.ts";
import { component } from "../../../helpers/linear-pipelines.ts";

const numeric = (values: number[], width = 1): Column => ({
  kind: "numeric",
  width,
  values: Float32Array.from(values),
});
const classifier = component({
  name: "c",
  loss: "cross-entropy",
  target: "label",
  output: { name: "p", width: 3, meaning: "probabilities", classes: ["a", "b", "c"] },
});

const text: Column = { kind: "categorical", width: 1, codes: Int32Array.of(0), dictionary: ["a"] };

describe("row losses", () => {
  test("mse is the squared error averaged over the coordinates of a row", () => {
    const m1 = component({ name: "m1", output: { name: "z", width: 2, meaning: "real" } });
    const target = targetOf(m1, numeric([1, 2, 3, 4], 2));
    const losses = rowLosses(m1, Float32Array.from([1, 4, 0, 4]), target);
    expect([...losses]).toEqual([2, 4.5]);
    expect(mean(losses)).toBe(3.25);
  });

  test("cross-entropy against class indices is -log p of the class", () => {
    const target = targetOf(classifier, numeric([2, 0]));
    const losses = rowLosses(classifier, Float32Array.from([0.25, 0.25, 0.5, 1, 0, 0]), target);
    expect(losses[0]).toBeCloseTo(Math.log(2), 6);
    expect(losses[1]).toBe(-0);
  });

  test("the loss of an impossible class is -log 1e-12, not infinity", () => {
    const target = targetOf(classifier, numeric([1]));
    expect(rowLosses(classifier, Float32Array.from([1, 0, 0]), target)[0]).toBeCloseTo(12 * Math.log(10), 6);
  });

  test("a categorical target follows the order of the output's classes, and an unknown class has the maximum loss", () => {
    const column: Column = {
      kind: "categorical",
      width: 1,
      codes: Int32Array.from([0, 1, 2]),
      dictionary: ["c", "a", "?"],
    };
    const target = targetOf(classifier, column);
    const losses = rowLosses(classifier, Float32Array.from([0.5, 0.25, 0.25, 0.5, 0.25, 0.25, 1, 0, 0]), target);
    expect([...losses].map((loss) => loss.toFixed(4))).toEqual(["1.3863", "0.6931", "27.6310"]);
  });

  test("a row is wrong unless its class is the most probable one, the first of equals", () => {
    const predictions = Float32Array.of(0.2, 0.8, 0.5, 0.5, 0.9, 0.1);
    const classes = { kind: "classes", rows: 3, classes: Int32Array.of(1, 1, -1) } as const;
    const output = { name: "p", width: 2, meaning: "probabilities" } as const;
    const described = component({ name: "c", loss: "cross-entropy", output });
    expect(rowErrors(described, predictions, classes)).toEqual(Float64Array.of(0, 1, 1));
  });

  test("cross-entropy against a distribution is the sum of -t log p", () => {
    const target = targetOf(classifier, numeric([0, 0.5, 0.5], 3));
    expect(rowLosses(classifier, Float32Array.from([0.5, 0.25, 0.25]), target)[0]).toBeCloseTo(Math.log(4), 6);
  });

  test("policy is the negative expected reward", () => {
    const policy = component({
      name: "p",
      loss: "policy",
      target: "rewards",
      output: { name: "p", width: 2, meaning: "probabilities" },
    });
    const target = targetOf(policy, numeric([4, 0, 1, 3], 2));
    expect([...rowLosses(policy, Float32Array.from([0.25, 0.75, 0.5, 0.5]), target)]).toEqual([-1, -2]);
  });

  test("a NaN prediction gives a NaN loss", () => {
    for (const [what, predictions] of [
      [targetOf(classifier, numeric([1])), [0.5, Number.NaN, 0.5]],
      [targetOf(classifier, numeric([0, 1, 0], 3)), [0.5, Number.NaN, 0.5]],
    ] as const) {
      expect(rowLosses(classifier, Float32Array.from(predictions), what)[0]).toBeNaN();
    }
  });

  test.each([
    ["a class index out of range", classifier, numeric([3]), /held-out row 1 is 3, not a class index between 0 and 2/],
    ["a fractional class index", classifier, numeric([0.5]), /not a class index/],
    ["a different width", classifier, numeric([0, 1], 2), /has width 2, but the output has width 3/],
    [
      "text for an output without classes",
      component({ name: "c", loss: "cross-entropy", target: "label" }),
      text,
      /is categorical, but output.classes lists 0 of 1 classes/,
    ],
    ["text under mse", component({ name: "m" }), text, /is categorical, but the loss mse requires numbers/],
  ])("a target with %s is rejected", (_, described, column, message) => {
    expect(() => targetOf(described, column)).toThrow(message);
  });
});
